// The nested vectored interrupt controller: which exceptions are pending, enabled and active, and which of
// them comes next. ARMv7-M Architecture Reference Manual, B1.5 "ARMv7-M exception model" and B3.4 "Nested
// Vectored Interrupt Controller".
#pragma once
#include <array>
#include <cstdint>

#include "chip/events.h"

namespace emulator {

constexpr int kNmi = 2;
constexpr int kHardFault = 3;
constexpr int kMemManage = 4;
constexpr int kBusFault = 5;
constexpr int kUsageFault = 6;
constexpr int kSupervisorCall = 11;
constexpr int kPendSv = 14;
constexpr int kSysTick = 15;
constexpr int kFirstInterrupt = 16;
constexpr int kExceptions = 64;  // 48 interrupts

// The special registers that hold exceptions back.
struct Masks {
  bool primask;
  bool faultmask;
  uint8_t basepri;
};

class Nvic {
 public:
  explicit Nvic(Events& events) : events_(events) {}
  void reset();

  // The interrupt line of a peripheral. While it is high, its interrupt becomes pending again after each
  // return.
  void set_line(int interrupt, bool high);

  void pend(int exception);
  void unpend(int exception);
  void enable(int exception, bool on);
  void set_priority(int exception, uint8_t priority);
  void set_grouping(int grouping);

  bool is_pending(int exception) const { return pending_[exception]; }
  bool is_enabled(int exception) const { return enabled_[exception]; }
  bool is_active(int exception) const { return active_[exception]; }
  uint8_t priority(int exception) const { return priority_[exception]; }
  int active_count() const { return active_count_; }

  void enter(int exception);
  void leave(int exception);

  // The pending and enabled exception of the highest priority; 0 if there is none.
  int candidate() const { return candidate_; }
  // True if `exception` would be taken now.
  bool preempts(int exception, const Masks& masks) const;
  // True if there is a candidate that only the masks may hold back. This is cheap to ask, and most of the
  // time such a candidate is taken.
  bool candidate_above_active() const { return candidate_ && candidate_level_ < active_level_; }

  // WFE: the event register. With `send_event_on_pend` (SCR), each exception that becomes pending sets it.
  bool take_event();
  void set_event() { event_ = true; }
  bool has_event() const { return event_; }
  void set_send_event_on_pend(bool on) { send_event_on_pend_ = on; }

 private:
  int level(int exception) const;  // the priority that counts for preemption, lower is more urgent
  void choose();
  void weigh_active();

  Events& events_;
  std::array<bool, kExceptions> pending_{};
  std::array<bool, kExceptions> enabled_{};
  std::array<bool, kExceptions> active_{};
  std::array<bool, kExceptions> line_{};
  std::array<uint8_t, kExceptions> priority_{};
  int group_mask_ = 0xFF;
  int candidate_ = 0;
  int candidate_level_ = 256;
  int active_level_ = 256;
  int active_count_ = 0;
  bool event_ = false;
  bool send_event_on_pend_ = false;
};

}  // namespace emulator
