// Counts instructions, exactly, under QEMU's `-icount shift=10`.
//
// Each instruction then takes 2^10 ns of virtual time, and timer 0 of the machine ticks every 40 ns of
// it: instructions = ticks * 40 / 1024. Interrupts must be off.
#pragma once
#include "machine.h"

class Stopwatch {
 public:
  Stopwatch() {
    machine::timer0().reload = 0xFFFFFFFFu;
    machine::timer0().value = 0xFFFFFFFFu;
    machine::timer0().control = 1;
    own_cost_ = ticks([] {});
  }

  // Instructions that `work` executes, without those of measuring.
  template <typename Work>
  uint32_t count(Work work) const {
    const uint64_t elapsed = ticks(work) - own_cost_;
    return static_cast<uint32_t>((elapsed * 40 + 512) / 1024);
  }

 private:
  template <typename Work>
  __attribute__((noinline)) static uint32_t ticks(Work work) {
    const uint32_t before = machine::timer0().value;
    __asm volatile("" ::: "memory");
    work();
    __asm volatile("" ::: "memory");
    return before - machine::timer0().value;
  }

  uint32_t own_cost_ = 0;
};
