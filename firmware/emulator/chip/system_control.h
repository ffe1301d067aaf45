// The system control space: SysTick, the registers of the NVIC, the system control block, the cycle counter.
// ARMv7-M Architecture Reference Manual, B3 "System Address Map", and C1.8 for the cycle counter.
#pragma once
#include <array>
#include <cstdint>

#include "chip/events.h"
#include "chip/peripheral.h"

namespace emulator {

class Chip;

class SystemControl {
 public:
  explicit SystemControl(Chip& chip);
  void reset();

  uint32_t read(uint32_t offset, unsigned size);
  void write(uint32_t offset, unsigned size, uint32_t value);

  uint32_t vector_table() const { return vector_table_; }
  void set_vector_table(uint32_t address) { vector_table_ = address; }

  // SCR: after a handler the processor sleeps on.
  bool sleeps_on_exit() const;

  // The fault status registers: bits that are added to CFSR and HFSR, and the address, where CFSR says that
  // it is valid.
  void note_fault(uint32_t configurable, uint32_t hard, uint32_t address);
  // True if a fault of this kind has a handler of its own (SHCSR).
  bool handles(int exception) const;

 private:
  uint32_t read_word(uint32_t offset);
  void write_word(uint32_t offset, uint32_t value);
  uint32_t read_interrupts(uint32_t offset) const;
  void write_interrupts(uint32_t offset, uint32_t value);
  bool write_priorities(uint32_t offset, unsigned size, uint32_t value);
  uint32_t read_state() const;  // ICSR
  void write_state(uint32_t value);
  void write_reset_control(uint32_t value);  // AIRCR
  uint32_t read_tick(uint32_t offset);
  void write_tick(uint32_t offset, uint32_t value);
  void tick();

  Chip& chip_;
  Alarm tick_;
  uint32_t tick_control_ = 0;
  uint32_t tick_reload_ = 0;
  Cycles tick_start_ = 0;
  Cycles cycle_count_base_ = 0;
  uint32_t vector_table_ = 0;
  uint32_t reset_control_ = 0;
  std::array<uint32_t, 0x400> registers_{};  // those that only keep what was written
};

}  // namespace emulator
