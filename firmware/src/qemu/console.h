// Text on QEMU's console, for faults and for the images that measure. No printf: it would be most
// of the image.
#pragma once
#include <cstdint>

void print(const char* text);
void print_decimal(uint64_t value);
void print_hex(uint32_t value);

// Prints the reason and ends QEMU with exit code 1.
[[noreturn]] void fatal(const char* reason);
