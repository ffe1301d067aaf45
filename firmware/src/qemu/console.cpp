#include "console.h"

#include "semihosting.h"

void print(const char* text) {
  semihosting::print(text);
}

void print_decimal(uint64_t value) {
  char digits[21];
  char* at = digits + sizeof digits - 1;
  *at = '\0';
  do {
    *--at = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  print(at);
}

void print_hex(uint32_t value) {
  char digits[] = "0x00000000";
  for (int i = 9; i > 1; --i, value >>= 4) digits[i] = "0123456789abcdef"[value & 15u];
  print(digits);
}

void fatal(const char* reason) {
  print("fatal: ");
  print(reason);
  print("\n");
  semihosting::exit(1);
}
