// Calls to the machine that QEMU runs on (Arm, Semihosting for AArch32 and AArch64).
#pragma once
#include <cstddef>
#include <cstdint>

namespace semihosting {

inline int call(int operation, const void* argument) {
  register int r0 __asm("r0") = operation;
  register const void* r1 __asm("r1") = argument;
  __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

// Writes to QEMU's console, which is its standard error by default.
inline void print(const char* text) {
  call(0x04, text);
}

// Ends QEMU with this exit code.
[[noreturn]] inline void exit(int code) {
  const uint32_t reason_and_code[2] = {0x20026, static_cast<uint32_t>(code)};
  call(0x20, reason_and_code);
  for (;;) {
  }
}

// Reads the words of `-semihosting-config arg=...,arg=...`, with blanks between them. False if they do
// not fit.
inline bool command_line(char* text, size_t capacity) {
  struct {
    char* text;
    size_t capacity;
  } block = {text, capacity};
  return call(0x15, &block) == 0;
}

}  // namespace semihosting
