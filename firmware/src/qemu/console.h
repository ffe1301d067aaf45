// Text on QEMU's console, for faults and for the images that measure. printf would be the largest part of the
// image, so it is not used.
#pragma once
#include <cstdint>

void print(const char* text);
void print_decimal(uint64_t value);
void print_hex(uint32_t value);

// Prints the reason and ends QEMU with exit code 1.
[[noreturn]] void fatal(const char* reason);
