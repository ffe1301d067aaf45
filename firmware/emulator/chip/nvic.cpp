#include "chip/nvic.h"

namespace emulator {
namespace {

constexpr int kThreadLevel = 256;    // no exception is active
constexpr int kPriorityBits = 0xE0;  // three are implemented

}  // namespace

void Nvic::reset() {
  pending_.fill(false);
  enabled_.fill(false);
  active_.fill(false);
  line_.fill(false);
  priority_.fill(0);
  group_mask_ = 0xFF;
  event_ = send_event_on_pend_ = false;
  active_count_ = 0;
  weigh_active();
  choose();
}

int Nvic::level(int exception) const {
  if (exception == kNmi) return -2;
  if (exception == kHardFault) return -1;
  return priority_[exception] & group_mask_;
}

void Nvic::choose() {
  candidate_ = 0;
  int best = kThreadLevel;
  for (int exception = kNmi; exception < kExceptions; ++exception) {
    if (!pending_[exception] || (exception >= kFirstInterrupt && !enabled_[exception])) continue;
    const int its = exception > kHardFault ? priority_[exception] : level(exception);
    if (its < best) {
      best = its;
      candidate_ = exception;
    }
  }
  candidate_level_ = candidate_ ? level(candidate_) : kThreadLevel;
  if (candidate_above_active()) events_.watch();
}

void Nvic::weigh_active() {
  active_level_ = kThreadLevel;
  for (int exception = kNmi; exception < kExceptions; ++exception) {
    if (active_[exception] && level(exception) < active_level_) active_level_ = level(exception);
  }
}

void Nvic::set_line(int interrupt, bool high) {
  const int exception = kFirstInterrupt + interrupt;
  if (line_[exception] == high) return;
  line_[exception] = high;
  if (high && !active_[exception]) pend(exception);
}

void Nvic::pend(int exception) {
  if (pending_[exception]) return;
  pending_[exception] = true;
  if (send_event_on_pend_) {
    event_ = true;
    events_.attention();
  }
  choose();
}

void Nvic::unpend(int exception) {
  // A line that is high makes its interrupt pending again at once, unless its handler is at work.
  pending_[exception] = line_[exception] && !active_[exception];
  choose();
}

void Nvic::enable(int exception, bool on) {
  enabled_[exception] = on;
  choose();
}

void Nvic::set_priority(int exception, uint8_t priority) {
  priority_[exception] = priority & kPriorityBits;
  weigh_active();
  choose();
}

void Nvic::set_grouping(int grouping) {
  group_mask_ = 0xFF & ~((2 << grouping) - 1);
  weigh_active();
  choose();
}

void Nvic::enter(int exception) {
  pending_[exception] = false;
  active_[exception] = true;
  ++active_count_;
  event_ = true;
  weigh_active();
  choose();
}

void Nvic::leave(int exception) {
  if (active_[exception]) --active_count_;
  active_[exception] = false;
  event_ = true;
  if (line_[exception]) pending_[exception] = true;
  weigh_active();
  choose();
}

bool Nvic::preempts(int exception, const Masks& masks) const {
  int current = active_level_;
  const int basepri = masks.basepri & kPriorityBits & group_mask_;
  if (basepri && basepri < current) current = basepri;
  if (masks.primask && current > 0) current = 0;
  if (masks.faultmask && current > -1) current = -1;
  return level(exception) < current;
}

bool Nvic::take_event() {
  const bool was = event_;
  event_ = false;
  return was;
}

}  // namespace emulator
