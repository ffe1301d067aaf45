// Goes wrong in the way that the command line names, so that tests see what an image says then.
#include "console.h"
#include "semihosting.h"

extern "C" volatile uint32_t vectors[];  // at the start of flash

namespace {

// Not a tail call, and too much stack for the compiler to fold: only an overflow ends it.
int overflow(int depth) {
  volatile char frame[256];
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : overflow(depth + 1) + frame[0];
}

void write_flash() {
  vectors[1] = 0;
}

void unaligned_load() {
  uint64_t words[2] = {};
  const uintptr_t odd = reinterpret_cast<uintptr_t>(words) + 1;
  __asm volatile("ldrd r2, r3, [%0]" : : "r"(odd) : "r2", "r3", "memory");
}

}  // namespace

int main() {
  char name[16];
  if (!semihosting::command_line(name, sizeof name)) fatal("no command line");
  switch (name[0]) {
    case 's': return overflow(0);
    case 'b': return *reinterpret_cast<volatile int*>(0x60000000);
    case 'f': write_flash(); return 0;
    case 'u': unaligned_load(); return 0;
    case 'i': __asm volatile("svc 0"); return 0;
    default: return 7;
  }
}
