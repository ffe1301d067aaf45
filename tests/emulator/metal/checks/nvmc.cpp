// Product specification, "NVMC - Non-volatile memory controller" and "UICR - User information configuration
// registers".
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kReady = 0x400, kConfig = 0x504, kErasePage = 0x508, kEraseUicr = 0x514;
constexpr uint32_t kReadOnly = 0, kWrite = 1, kErase = 2;
constexpr uint32_t kPage = 0xFD000, kNeighbour = 0xFE000, kPageSize = 4096;  // beyond the image (link.ld)

void erase(uint32_t page) {
  kNvmc[kConfig] = kErase;
  kNvmc[kErasePage] = page;
  while (kNvmc[kReady] == 0) {
  }
  kNvmc[kConfig] = kReadOnly;
}

// The write itself stalls the processor until it is done.
void write(uint32_t address, uint32_t value) {
  kNvmc[kConfig] = kWrite;
  word(address) = value;
  while (kNvmc[kReady] == 0) {
  }
  kNvmc[kConfig] = kReadOnly;
}

bool erased(uint32_t page) {
  for (uint32_t i = 0; i < kPageSize; i += 4)
    if (word(page + i) != ~0u) return false;
  return true;
}

// TIMER1 at 1 MHz goes on while the processor stands still.
void start_timer() {
  kTimer1[0x004] = 1;
  kTimer1[kShorts] = 0;
  kTimer1[0x504] = 0;
  kTimer1[0x508] = 3;
  kTimer1[0x510] = 4;
  kTimer1[0x00C] = 1;
  kTimer1[0x000] = 1;
}
uint32_t microseconds() {
  kTimer1[0x040] = 1;
  return kTimer1[0x540];
}

void check_erase() {
  erase(kNeighbour);
  write(kNeighbour, 0x12345678);
  write(kPage + kPageSize - 4, 0);
  start_timer();
  erase(kPage);
  BETWEEN(microseconds(), 80000, 90000);
  TRUE(erased(kPage));
  EQUAL(word(kNeighbour), 0x12345678);
  write(kPage, 0x0BADF00D);
  kNvmc[kConfig] = kReadOnly;
  kNvmc[kErasePage] = kPage;  // not enabled
  EQUAL(word(kPage), 0x0BADF00D);
  kNvmc[kConfig] = kWrite;
  kNvmc[kErasePage] = kPage;  // enabled for writing only
  kNvmc[kConfig] = kReadOnly;
  EQUAL(word(kPage), 0x0BADF00D);
}

void check_write() {
  erase(kPage);
  start_timer();
  write(kPage + 8, 0xA5A5F00F);
  BETWEEN(microseconds(), 30, 60);
  EQUAL(word(kPage + 8), 0xA5A5F00F);
  EQUAL(word(kPage + 4), ~0u);
  EQUAL(word(kPage + 12), ~0u);
  write(kPage + 8, 0x5AFFF0FF);  // bits only fall
  EQUAL(word(kPage + 8), 0xA5A5F00F & 0x5AFFF0FF);
  write(kPage + 8, ~0u);
  EQUAL(word(kPage + 8), 0xA5A5F00F & 0x5AFFF0FF);
  faults([] { word(kPage + 16) = 0; });  // not enabled
  EQUAL(word(kPage + 16), ~0u);
  kNvmc[kConfig] = kErase;
  faults([] { word(kPage + 20) = 0; });  // enabled for erasing only
  kNvmc[kConfig] = kReadOnly;
  EQUAL(word(kPage + 20), ~0u);
}

// Code that was written to flash is executed, and no older code.
void check_execution() {
  constexpr uint32_t kReturnSeven = 0x47702007, kReturnNine = 0x47702009;  // movs r0, #n; bx lr
  const auto function = reinterpret_cast<uint32_t (*)()>((kPage + 0x100) | 1u);
  erase(kPage);
  write(kPage + 0x100, kReturnSeven);
  __asm volatile("dsb\n\tisb" ::: "memory");
  EQUAL(function(), 7);
  erase(kPage);
  write(kPage + 0x100, kReturnNine);
  __asm volatile("dsb\n\tisb" ::: "memory");
  EQUAL(function(), 9);
  write(kPage + 0x100, kReturnNine & ~8u);
  __asm volatile("dsb\n\tisb" ::: "memory");
  EQUAL(function(), 1);
}

}  // namespace

void check_nvmc() {
  EQUAL(kNvmc[kReady], 1);
  check_erase();
  check_write();
  check_execution();
}

void check_uicr() {
  constexpr uint32_t kCustomer = 0x080;
  kNvmc[kConfig] = kErase;
  kNvmc[kEraseUicr] = 1;
  kNvmc[kConfig] = kReadOnly;
  EQUAL(kUicr[kCustomer], ~0u);
  faults([] { kUicr[0x080] = 0; });
  EQUAL(kUicr[kCustomer], ~0u);
  write(kUicr.address(kCustomer), 0xFFFF1234);
  EQUAL(kUicr[kCustomer], 0xFFFF1234);
  write(kUicr.address(kCustomer), 0x1234FFFF);
  EQUAL(kUicr[kCustomer], 0x12341234);
  EQUAL(kUicr[kCustomer + 4], ~0u);
  kNvmc[kEraseUicr] = 1;  // not enabled
  EQUAL(kUicr[kCustomer], 0x12341234);
  kNvmc[kConfig] = kErase;
  kNvmc[kEraseUicr] = 1;
  kNvmc[kConfig] = kReadOnly;
  EQUAL(kUicr[kCustomer], ~0u);
}

}  // namespace metal
