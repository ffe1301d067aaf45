// The board's user button, if it has one.
#pragma once
#include <cstdint>

namespace button {

enum class Press : uint8_t { kNone, kShort, kLong };

void start();

// Returns how the button was pressed and released since the last call. `now` is in ms.
Press poll(uint32_t now);

}  // namespace button
