// Lines of text out of UARTE0, whose transmitter the emulator shows.
#ifndef METAL_CONSOLE_H
#define METAL_CONSOLE_H

#include <stdint.h>

namespace metal {

void open_console();
void print(const char* text);
void print_hex(uint32_t value);
void print_decimal(uint32_t value);

}  // namespace metal

#endif
