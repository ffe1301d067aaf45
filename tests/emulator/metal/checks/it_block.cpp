// Armv7-M, A7.3.2 "Conditional execution" and A7.7.38 "IT": a block ends with its last instruction, whatever
// its accesses to memory have met.
#include "../check.h"

namespace metal {

namespace {

constexpr uint32_t kFirst = 0x20020000;  // RAM that nothing else here uses
constexpr uint32_t kPage = 0x1000;  // an emulator may treat the first access to a page in a way of its own
constexpr uint32_t kPages = 8;

// Accesses memory in an IT block whose condition holds; then, in the next block of code, the condition does
// not hold, and that must not matter any more. Returns 1 for each of the two instructions there.
uint32_t load(uint32_t address) {
  uint32_t executed = 0, loaded = 0;
  __asm volatile(
      "cmp %[executed], #0\n\t"
      "it eq\n\t"
      "ldreq %[loaded], [%[address]]\n\t"
      "cmp %[executed], #1\n\t"  // not equal
      "b 1f\n"
      "1: add %[executed], %[executed], #1\n\t"
      "add %[executed], %[executed], #1"
      : [executed] "+r"(executed), [loaded] "+r"(loaded)
      : [address] "r"(address)
      : "cc", "memory");
  return executed;
}

uint32_t store(uint32_t address, uint32_t value) {
  uint32_t executed = 0;
  __asm volatile(
      "cmp %[executed], #0\n\t"
      "itt eq\n\t"
      "streq %[value], [%[address]]\n\t"
      "addeq %[executed], %[executed], #1\n\t"
      "cmp %[executed], #0\n\t"  // not equal
      "b 1f\n"
      "1: add %[executed], %[executed], #1\n\t"
      "add %[executed], %[executed], #1"
      : [executed] "+r"(executed)
      : [address] "r"(address), [value] "r"(value)
      : "cc", "memory");
  return executed;
}

// The condition does not hold, so nothing is loaded.
uint32_t skipped_load(uint32_t address) {
  uint32_t loaded = 7;
  __asm volatile(
      "cmp %[address], #0\n\t"
      "it eq\n\t"
      "ldreq %[loaded], [%[address]]"
      : [loaded] "+r"(loaded)
      : [address] "r"(address)
      : "cc", "memory");
  return loaded;
}

}  // namespace

void check_it_block() {
  for (uint32_t i = 0; i < kPages; ++i) {
    EQUAL(load(kFirst + i * kPage), 2);
    const uint32_t stored = kFirst + (kPages + i) * kPage;
    EQUAL(store(stored, 0xA5A50000 + i), 3);
    EQUAL(*reinterpret_cast<volatile uint32_t*>(stored), 0xA5A50000 + i);
    EQUAL(skipped_load(kFirst + (2 * kPages + i) * kPage), 7);
  }
}

}  // namespace metal
