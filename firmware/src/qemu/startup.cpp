// From reset to main, and what happens when things go wrong: every fault is printed and ends QEMU
// with exit code 1, so that nobody waits for a board that hangs.
#include "console.h"
#include "machine.h"
#include "semihosting.h"

extern "C" {
extern uint32_t data_load, data_start, data_end, bss_start, bss_end, stack_bottom, stack_top;
using Function = void (*)();
extern Function init_array_start, init_array_end;

int main();

void unexpected_interrupt() {
  fatal("unexpected interrupt");
}

// Default handlers, for images without a link.
__attribute__((weak)) void uart_received() {
  unexpected_interrupt();
}
__attribute__((weak)) void uart_sent() {
  unexpected_interrupt();
}

// QEMU allows writes to any address; a chip doesn't. So flash is made read-only, and so is the place below
// RAM that an overflowing stack would grow into.
void protect_memory() {
  using namespace machine;
  word(kMpuBase) = 0x00000000u | kMpuRegionValid | 0;
  word(kMpuAttributes) = kMpuReadOnly | mpu_size(20) | kMpuEnable;
  word(kMpuBase) = 0x18000000u | kMpuRegionValid | 1;
  word(kMpuAttributes) = kMpuNoAccess | kMpuNeverExecute | mpu_size(27) | kMpuEnable;
  word(kMpuControl) = kMpuEnable | kMpuDefaultElsewhere;
  __asm volatile("dsb\n\tisb" ::: "memory");
}

void reset() {
  machine::word(machine::kCoprocessors) |= 0xFu << 20;  // the FPU is off after reset
  __asm volatile("dsb\n\tisb" ::: "memory");
  protect_memory();
  const uint32_t* from = &data_load;
  for (uint32_t* to = &data_start; to < &data_end;) *to++ = *from++;
  for (uint32_t* to = &bss_start; to < &bss_end;) *to++ = 0;
  for (Function* f = &init_array_start; f < &init_array_end; ++f) (*f)();
  semihosting::exit(main());
}

// `frame` points to where the processor pushed r0-r3, r12, lr, pc and xpsr, or tried to.
__attribute__((used)) void report_fault(const uint32_t* frame) {
  const bool stacked = frame >= &stack_bottom && frame + 8 <= &stack_top;
  print(stacked ? "fatal: fault at pc " : "fatal: stack overflow at sp ");
  print_hex(stacked ? frame[6] : reinterpret_cast<uint32_t>(frame));
  print(", CFSR ");
  print_hex(machine::word(machine::kConfigurableFaultStatus));
  print(", MMFAR ");
  print_hex(machine::word(machine::kMemoryFaultAddress));
  print(", BFAR ");
  print_hex(machine::word(machine::kBusFaultAddress));
  print("\n");
  semihosting::exit(1);
}

// The stack pointer itself may be wrong, so the report runs on a fresh stack.
__attribute__((naked)) void fault() {
  __asm volatile(
      "mrs r0, msp\n\t"
      "ldr sp, =stack_top\n\t"
      "b report_fault\n\t"
      ".ltorg");
}

void abort() {
  fatal("abort");
}

// Globals are never destroyed: an image ends by exit.
void* __dso_handle = nullptr;
int __aeabi_atexit(void*, void (*)(void*), void*) {
  return 0;
}
}

namespace {

struct Vectors {
  uint32_t* stack;
  Function reset, nmi, faults[4], reserved[4], svcall, debug, reserved_too, pendsv, systick;
  Function interrupts[32];
};

}  // namespace

extern "C" __attribute__((section(".vectors"), used)) const Vectors vectors = {&stack_top,
                                                                               reset,
                                                                               unexpected_interrupt,
                                                                               {fault, fault, fault, fault},
                                                                               {},
                                                                               unexpected_interrupt,
                                                                               unexpected_interrupt,
                                                                               nullptr,
                                                                               unexpected_interrupt,
                                                                               unexpected_interrupt,
                                                                               {uart_received, uart_sent}};
