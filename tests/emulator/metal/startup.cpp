// From reset to main, the vector table, and faults: those that a check provokes, and those that end the
// image.
#include "console.h"
#include "cpu.h"

extern "C" {
extern uint32_t data_load, data_start, data_end, bss_start, bss_end, stack_top;
void reset();
int main();
void* memset(void* to, int value, unsigned size) {
  for (unsigned i = 0; i < size; ++i) static_cast<volatile uint8_t*>(to)[i] = static_cast<uint8_t>(value);
  return to;
}
void* memcpy(void* to, const void* from, unsigned size) {
  for (unsigned i = 0; i < size; ++i)
    static_cast<volatile uint8_t*>(to)[i] = static_cast<const uint8_t*>(from)[i];
  return to;
}
}

namespace metal {

namespace {

constexpr uint32_t kVectors = 16 + 48;
__attribute__((aligned(256))) Handler vectors[kVectors];

void unexpected() {
  print("FATAL unexpected exception ");
  print_decimal(get_ipsr() & 0x1ff);
  print("\n");
  for (;;) {
  }
}

}  // namespace

Fault last_fault;

extern "C" {

volatile uint32_t attempt_stack;  // the stack pointer of the attempt that is under way; 0: none
bool metal_attempt(void (*action)());
void metal_attempt_failed();

__attribute__((used)) void metal_fault(uint32_t* frame, uint32_t exc_return) {
  last_fault = {get_ipsr() & 0x1ff, word(scs::kCfsr), word(scs::kHfsr), word(scs::kMmfar),
                word(scs::kBfar),   frame[6],         exc_return};
  word(scs::kCfsr) = last_fault.cfsr;
  word(scs::kHfsr) = last_fault.hfsr;
  if (attempt_stack == 0) {
    print("FATAL unexpected fault ");
    print_decimal(last_fault.exception);
    print(" at ");
    print_hex(last_fault.pc);
    print(", CFSR ");
    print_hex(last_fault.cfsr);
    print("\n");
    for (;;) {
    }
  }
  frame[6] = reinterpret_cast<uint32_t>(metal_attempt_failed) & ~1u;
  frame[7] = (frame[7] & ~0x0600FC00u) | 1u << 24;  // not within an IT block; Thumb
}

__attribute__((naked)) void metal_any_fault() {
  __asm volatile(
      "tst lr, #4\n\t"
      "ite eq\n\t"
      "mrseq r0, msp\n\t"
      "mrsne r0, psp\n\t"
      "mov r1, lr\n\t"
      "push {r1, lr}\n\t"
      "bl metal_fault\n\t"
      "pop {r1, pc}");
}

// Calls `action` in r0; a fault in it ends at metal_attempt_failed, with the stack as it was here.
__attribute__((naked)) bool metal_attempt(void (*)()) {
  __asm volatile(
      ".global metal_attempt_failed\n\t"
      ".thumb_func\n\t"
      "push {r3-r11, lr}\n\t"
      "ldr r1, =attempt_stack\n\t"
      "str sp, [r1]\n\t"
      "blx r0\n\t"
      "movs r0, #0\n\t"
      "b 1f\n\t"
      ".thumb_func\n"
      "metal_attempt_failed:\n\t"
      "ldr r1, =attempt_stack\n\t"
      "ldr sp, [r1]\n\t"
      "movs r0, #1\n"
      "1:\n\t"
      "ldr r1, =attempt_stack\n\t"
      "movs r2, #0\n\t"
      "str r2, [r1]\n\t"
      "pop {r3-r11, pc}\n\t"
      ".ltorg");
}

__attribute__((section(".vectors"), used))
const Handler boot_vectors[16] = {reinterpret_cast<Handler>(&stack_top), reset};

// Before this there is no data and no FPU.
__attribute__((used)) void metal_start() {
  const uint32_t* from = &data_load;
  for (uint32_t* to = &data_start; to < &data_end;) *to++ = *from++;
  for (uint32_t* to = &bss_start; to < &bss_end;) *to++ = 0;
  handle_nothing();
  word(scs::kVtor) = reinterpret_cast<uint32_t>(vectors);
  word(scs::kCpacr) |= 0xFu << 20;
  __asm volatile("dsb\n\tisb" ::: "memory");
  start_cycles();
  main();
  for (;;) {
  }
}

__attribute__((naked)) void reset() {
  __asm volatile("b metal_start");
}
}

void handle(uint32_t exception, Handler handler) {
  vectors[exception] = handler;
  __asm volatile("dsb" ::: "memory");
}

void handle_nothing() {
  for (uint32_t i = 0; i < 2; ++i) {
    word(scs::kIcer + 4 * i) = ~0u;
    word(scs::kIcpr + 4 * i) = ~0u;
  }
  for (uint32_t i = 0; i < 48; ++i) set_priority(i, 0);
  for (uint32_t i = 1; i < kVectors; ++i) vectors[i] = unexpected;
  for (uint32_t i = kHardFault; i <= kUsageFault; ++i) vectors[i] = metal_any_fault;
  word(scs::kShcsr) = 0;
  set_primask(0);
  set_basepri(0);
  __asm volatile("dsb\n\tisb" ::: "memory");
}

bool faults(void (*action)()) {
  last_fault = {};
  return metal_attempt(action);
}

void start_cycles() {
  word(scs::kDemcr) |= 1u << 24;  // TRCENA
  word(scs::kDwtCyccnt) = 0;
  word(scs::kDwtCtrl) |= 1;  // CYCCNTENA
}

void delay(uint32_t microseconds) {
  const uint32_t start = cycles();
  while (cycles() - start < microseconds * 64) {
  }
}

bool comes(const Peripheral& peripheral, uint32_t event, uint32_t microseconds) {
  const uint32_t start = cycles();
  do {
    if (peripheral[event] != 0) return true;
  } while (cycles() - start < microseconds * 64);
  return peripheral[event] != 0;
}

void reset_chip() {
  word(scs::kAircr) = scs::kAircrKey | 4;  // SYSRESETREQ
  for (;;) {
  }
}

}  // namespace metal
