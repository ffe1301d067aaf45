// What the BLE link must know of the way to the radio's controller.
#pragma once
#include <cstdint>

namespace hci {

// Data packets that the controller still holds of those that the library gave it.
uint32_t unacknowledged();

// Data packets that the controller can hold.
uint32_t buffers();

}  // namespace hci
