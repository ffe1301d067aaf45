// The images' console, for the same programs on this machine.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "console.h"

void print(const char* text) {
  std::fputs(text, stdout);
}
void print_decimal(uint64_t value) {
  std::printf("%" PRIu64, value);
}
void print_hex(uint32_t value) {
  std::printf("0x%08" PRIx32, value);
}
void fatal(const char* reason) {
  std::fprintf(stderr, "fatal: %s\n", reason);
  std::exit(1);
}
