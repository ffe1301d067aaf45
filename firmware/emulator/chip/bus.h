// Finds the peripheral at an address, for the processor's accesses and for the PPI's tasks, and passes events
// on.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <set>

#include "chip/peripheral.h"

namespace emulator {

class Bus {
 public:
  void add(Peripheral& peripheral);

  // An access of 1, 2 or 4 bytes. Where no peripheral is, reads give 0 and writes are lost; `on_unknown` is
  // told once of each.
  uint32_t read(uint32_t address, unsigned size);
  void write(uint32_t address, unsigned size, uint32_t value);

  // Starts the task at an address.
  void trigger(uint32_t task_address);
  // Tells whoever listens (the PPI) that an event has occurred.
  void publish(uint32_t event_address) {
    if (listener_) listener_(event_address);
  }
  void listen(std::function<void(uint32_t)> listener) { listener_ = std::move(listener); }
  void report_unknown(std::function<void(uint32_t)> report) { on_unknown_ = std::move(report); }

  void reset(Reset kind);

 private:
  Peripheral* find(uint32_t address) const;
  void unknown(uint32_t address);

  std::array<Peripheral*, 0x200> pages_{};  // 256 pages from 0x40000000, then 256 from 0x50000000
  std::function<void(uint32_t)> listener_;
  std::function<void(uint32_t)> on_unknown_;
  std::set<uint32_t> unknown_;
};

}  // namespace emulator
