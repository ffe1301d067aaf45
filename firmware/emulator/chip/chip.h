// One nRF52840: its processor, memories, interrupts, clock and whatever peripherals were fitted to it.
//
// A chip knows nothing of other chips and of the wall clock: it works until a time in its own virtual clock.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "chip/bus.h"
#include "chip/cpu.h"
#include "chip/events.h"
#include "chip/fault.h"
#include "chip/memory.h"
#include "chip/nvic.h"
#include "chip/system_control.h"

namespace emulator {

struct ChipSettings {
  std::string state_path;  // where flash and UICR are kept; empty: nowhere
  uint64_t uid = 0x5566778811223344;
  uint64_t seed = 1;          // of everything that is random on a chip: RNG, what RAM holds after power-on
  uint32_t vector_table = 0;  // where the image starts: 0, or 0x10000 for a Nano without its bootloader
  bool handles_faults =
      false;  // the image's own fault handlers run, as on the chip; else its first fault ends the emulation
  bool verbose = false;
};

class Chip {
 public:
  explicit Chip(const ChipSettings& settings);
  ~Chip();

  // Fits a peripheral, which the chip then owns.
  template <typename Kind, typename... Arguments>
  Kind& fit(Arguments&&... arguments) {
    auto made = std::make_unique<Kind>(*this, std::forward<Arguments>(arguments)...);
    Kind& it = *made;
    peripherals_.push_back(std::move(made));
    return it;
  }

  void power_on();
  // The reset happens before the processor's next block of code.
  void request_reset(Reset kind);
  // A reset in the middle of work: as soon as the processor has worked for so many cycles from now on.
  void reset_after_work(Reset kind, Cycles work);

  // The watchdog was not fed in time.
  void watchdog_bit();
  unsigned watchdog_resets() const { return watchdog_resets_; }
  // System OFF: nothing happens any more until a reset.
  void turn_off();

  // Lets the chip work until its clock has reached `time`, or it went wrong.
  void run_until(Cycles time);

  bool is_asleep() const { return asleep_; }
  // The time before which nothing happens on the chip: the next alarm while it sleeps, else now.
  Cycles acts_from();
  const std::optional<Fault>& fault() const { return fault_; }
  void fail(const std::string& what, uint32_t address);
  unsigned resets() const { return resets_; }
  const ChipSettings& settings() const { return settings_; }
  std::mt19937_64& noise() { return noise_; }

  // Says something about what happens, on stderr, if the user asked for it.
  void note(const char* format, ...) __attribute__((format(printf, 2, 3)));

 private:
  ChipSettings settings_;

 public:
  Events events;
  Memory memory;
  Nvic nvic;
  Bus bus;
  SystemControl system;
  Cpu cpu;

 private:
  void reset(Reset kind);
  bool take_exception();
  bool wakes();
  void sleep(Cycles until);
  void work(Cycles until);
  void handle(Stop stop);
  void supervisor_call();
  void code_went_wrong();
  bool finish_work_before_reset();

  std::vector<std::unique_ptr<Peripheral>> peripherals_;
  std::optional<Reset> reset_request_;
  std::optional<Reset> planned_reset_;
  Cycles planned_work_ = 0;  // value of worked() at which the planned reset happens
  std::optional<Fault> fault_;
  bool asleep_ = false;
  bool for_event_ = false;  // sleeps by WFE, not WFI
  bool off_ = false;
  unsigned resets_ = 0;
  unsigned watchdog_resets_ = 0;
  std::mt19937_64 noise_;
};

}  // namespace emulator
