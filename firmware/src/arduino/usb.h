// The board's USB serial port. Neither call ever blocks, whether anybody reads or not.
#pragma once
#include <cstddef>
#include <cstdint>

namespace usb {

void start();

// Whether a program has the port open (DTR).
bool is_open();

// Takes the oldest received byte; -1 if there is none.
int read();

// Sends as many bytes as there is room for and returns their number. While the port is closed it takes all
// and throws them away.
size_t write(void*, const uint8_t* data, size_t length);

}  // namespace usb
