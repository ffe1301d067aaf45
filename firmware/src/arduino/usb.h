// The board's USB serial port. Neither call ever blocks, whether anybody reads or not.
#pragma once
#include <cstddef>
#include <cstdint>

namespace usb {

void start();

// Whether a program has the port open (DTR).
bool is_open();

// The oldest received byte, -1 when there is none.
int read();

// Takes what there is room for, and returns how many bytes that was. With the port closed it takes, and
// throws away, all.
size_t write(void*, const uint8_t* data, size_t length);

}  // namespace usb
