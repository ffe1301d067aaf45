// Armv7-M, B1.5.6 and B1.5.7: stack frames with and without the floating-point registers.
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

struct Seen {
  uint32_t exc_return, stack;
};
volatile Seen seen[3];
uint32_t before[17], after[17];
volatile uint32_t stack_before;

extern "C" {

__attribute__((used)) void metal_spoil_registers() {
  __asm volatile(
      "vmov.f32 s0, #1.0\n\t"
      "vmov.f32 s1, #1.0\n\t"
      "vmov.f32 s7, #2.0\n\t"
      "vmov.f32 s14, #3.0\n\t"
      "vmov.f32 s15, #4.0\n\t"
      "mov r0, #0xC00000\n\t"
      "vmsr fpscr, r0" ::
          : "r0", "s0", "s1", "s7", "s14", "s15");
}

__attribute__((used)) void metal_note(uint32_t exc_return, uint32_t stack, uint32_t place) {
  seen[place].exc_return = exc_return;
  seen[place].stack = stack;
}

// A handler that uses the FPU; one of higher priority then interrupts it, with registers in use again.
__attribute__((naked)) void metal_on_outer() {
  __asm volatile(
      "mov r0, lr\n\t"
      "mov r1, sp\n\t"
      "movs r2, #0\n\t"
      "push {r4, lr}\n\t"
      "bl metal_note\n\t"
      "bl metal_spoil_registers\n\t"
      "ldr r0, =0xE000E200\n\t"
      "mov r1, #0x200000\n\t"
      "str r1, [r0]\n\t"  // pends interrupt 21
      "dsb\n\t"
      "isb\n\t"
      "vmov r0, s7\n\t"
      "mov r1, #0\n\t"
      "movs r2, #2\n\t"
      "bl metal_note\n\t"
      "pop {r4, pc}\n\t"
      ".ltorg");
}

__attribute__((naked)) void metal_on_inner() {
  __asm volatile(
      "mov r0, lr\n\t"
      "mov r1, sp\n\t"
      "movs r2, #1\n\t"
      "push {r4, lr}\n\t"
      "bl metal_note\n\t"
      "vmov.f32 s7, #8.0\n\t"
      "pop {r4, pc}");
}

// Fills S0 to S15 and FPSCR, pends interrupt 20, and stores them again.
__attribute__((naked)) void metal_with_fpu(const uint32_t*, uint32_t*) {
  __asm volatile(
      "push {r4, r5}\n\t"
      "vldmia r0!, {s0-s15}\n\t"
      "ldr r2, [r0]\n\t"
      "vmsr fpscr, r2\n\t"
      "ldr r4, =stack_before_address\n\t"
      "ldr r3, =0xE000E200\n\t"
      "mov r2, #0x100000\n\t"
      "str r2, [r3]\n\t"
      "dsb\n\t"
      "isb\n\t"
      "vstmia r1!, {s0-s15}\n\t"
      "vmrs r2, fpscr\n\t"
      "str r2, [r1]\n\t"
      "pop {r4, r5}\n\t"
      "bx lr\n\t"
      "stack_before_address:\n\t"
      ".ltorg");
}
}

void set_up() {
  handle(kInterrupt0 + 20, metal_on_outer);
  handle(kInterrupt0 + 21, metal_on_inner);
  set_priority(20, 0x60);
  set_priority(21, 0x20);
  enable(20);
  enable(21);
  set_control(get_control() & ~4u);  // no floating-point context
}

uint32_t frame_size(uint32_t exc_return) {
  return (exc_return & 0x10) != 0 ? 0x20 : 0x68;
}

}  // namespace

void check_fp_context() {
  set_up();
  EQUAL(word(scs::kFpccr) >> 30, 3);  // frames are extended by themselves, and lazily
  EQUAL(get_control() & 4, 0);
  stack_before = get_msp();
  pend(20);
  EQUAL(seen[0].exc_return, 0xFFFFFFF9);  // a basic frame: nobody used the FPU
  EQUAL(seen[1].exc_return, 0xFFFFFFE1);  // the handler did
  EQUAL(seen[2].exc_return, 0x40000000);  // and S7 of the handler is 2.0 as before
  EQUAL(get_control() & 4, 0);
  BETWEEN(stack_before - seen[0].stack, frame_size(0xFFFFFFF9), frame_size(0xFFFFFFF9) + 4);
  BETWEEN(seen[0].stack - seen[1].stack, frame_size(0xFFFFFFE1) + 8, frame_size(0xFFFFFFE1) + 12);
  for (uint32_t i = 0; i < 16; ++i) before[i] = 0x3F800000 + 0x1111 * i;
  before[16] = 0xF0400000;  // flags, and rounding towards plus infinity
  const uint32_t stack = get_msp();
  metal_with_fpu(before, after);
  for (uint32_t i = 0; i < 17; ++i) EQUAL(after[i], before[i]);
  EQUAL(seen[0].exc_return, 0xFFFFFFE9);
  BETWEEN(stack - seen[0].stack, frame_size(0xFFFFFFE9) + 8, frame_size(0xFFFFFFE9) + 16);
  EQUAL(get_control() & 4, 4);
  __asm volatile("vmsr fpscr, %0" ::"r"(0));
  set_control(get_control() & ~4u);
  pend(20);
  EQUAL(seen[0].exc_return, 0xFFFFFFF9);
}

}  // namespace metal
