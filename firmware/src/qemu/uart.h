// The link of an emulated board: CMSDK UART 0, fed by interrupts through a ring buffer.
#pragma once
#include <cstddef>
#include <cstdint>

namespace uart {

void start();

// Takes the oldest received byte. False if there is none.
bool read(uint8_t* byte);

// Sends as many bytes as the transmitter has room for and returns their number. Never blocks.
size_t write(const uint8_t* data, size_t length);

// Sleeps until there is something to read or, when `sending`, room to write.
void wait(bool sending);

}  // namespace uart
