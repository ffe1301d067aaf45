// The board's user button, if it has one.
#pragma once
#include <cstdint>

namespace button {

enum class Press : uint8_t { kNone, kShort, kLong };

void start();

// What was pressed and let go since the last call. Milliseconds.
Press poll(uint32_t now);

}  // namespace button
