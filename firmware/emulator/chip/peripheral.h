// The base of every peripheral of the chip: a page of registers, tasks, events, an interrupt line.
// nRF52840 Product Specification, "Peripheral interface": tasks at 0x000, events at 0x100, SHORTS at 0x200,
// INTEN at 0x300.
#pragma once
#include <array>
#include <cstdint>

#include "chip/events.h"

namespace emulator {

class Chip;

enum class Reset { kPowerOn, kPin, kWatchdog, kSoftware, kLockup };

class Peripheral {
 public:
  // Takes its place on the chip's bus: the page at `base`, whose number is that of its interrupt.
  Peripheral(Chip& chip, const char* name, uint32_t base);
  virtual ~Peripheral() = default;
  Peripheral(const Peripheral&) = delete;
  Peripheral& operator=(const Peripheral&) = delete;

  const char* name() const { return name_; }
  uint32_t base() const { return base_; }

  // The processor's reads and writes, a word at a time. A peripheral without Nordic's usual layout
  // overrides these.
  virtual uint32_t read(uint32_t offset);
  virtual void write(uint32_t offset, uint32_t value);

  // Starts a task, on behalf of the processor or of the PPI.
  virtual void start(uint32_t task);

  // Everything as after a reset. Those that hold alarms stop them here.
  virtual void reset(Reset kind);

 protected:
  // A register was written, and holds its value already.
  virtual void on_write(uint32_t offset, uint32_t value);
  // The value that a register reads as.
  virtual uint32_t on_read(uint32_t offset);

  // An event occurs: its register is set, the interrupt raised if it is enabled, the PPI told.
  void raise(uint32_t event);
  bool is_raised(uint32_t event) const { return registers_[event / 4] != 0; }

  uint32_t& reg(uint32_t offset) { return registers_[offset / 4]; }
  uint32_t reg(uint32_t offset) const { return registers_[offset / 4]; }
  bool shortcut(int bit) const { return registers_[0x200 / 4] >> bit & 1; }
  uint32_t interrupts() const { return interrupts_; }  // INTEN
  Chip& chip() { return chip_; }
  Events& events() { return events_; }
  Cycles now() const { return events_.now(); }

 private:
  void update_line();

  Chip& chip_;
  Events& events_;
  const char* name_;
  uint32_t base_;
  uint32_t interrupts_ = 0;
  std::array<uint32_t, 0x400> registers_{};
};

}  // namespace emulator
