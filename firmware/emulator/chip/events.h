// The clock of one chip and what is to happen at which time.
//
// The processor asks before every block of code whether it must give way, so this is one comparison
// (`must_look`): an alarm that is set for an earlier time, and everything else that needs attention, lowers
// the time at which it looks.
#pragma once
#include <functional>
#include <vector>

#include "chip/time.h"

namespace emulator {

class Alarm;

class Events {
 public:
  Cycles now() const { return now_; }

  // Time passes: the processor works, is stalled by its flash, or sleeps.
  void advance(Cycles cycles) { now_ += cycles; }
  void stall(Cycles cycles) {
    stalled_ += cycles;
    now_ += cycles;
    attention();
  }
  void idle_until(Cycles time) {
    if (time <= now_) return;
    idle_ += time - now_;
    now_ = time;
  }
  Cycles idle() const { return idle_; }
  Cycles worked() const { return now_ - idle_ - stalled_; }

  // Calls what is due up to now, in the order of time; to each callee, now() is the time at which it was due.
  void run_due();

  // The time of the earliest alarm.
  Cycles next();

  // When the processor gives way. attention() makes it give way before its next block; watch() makes it look
  // before each block whether a pending exception is still masked.
  void set_stop(Cycles time) { stop_ = deadline_ = time; }
  bool must_look() const { return now_ >= stop_; }
  bool must_stop() const { return now_ >= deadline_; }
  void attention() { stop_ = deadline_ = 0; }
  void watch() { stop_ = 0; }

 private:
  friend class Alarm;
  void changed(Cycles time);

  Cycles now_ = 0;
  Cycles idle_ = 0;
  Cycles stalled_ = 0;
  Cycles stop_ = 0;
  Cycles deadline_ = 0;
  Cycles earliest_ = kNever;  // no alarm is due before, though the one that was may have been moved
  std::vector<Alarm*> alarms_;
};

// One thing that happens later: at most one time is set. Lives as long as its owner, which the events must
// outlive.
class Alarm {
 public:
  Alarm(Events& events, std::function<void()> due);
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void at(Cycles time);
  void in(Cycles delay) { at(events_.now() + delay); }
  void stop() { time_ = kNever; }
  bool is_set() const { return time_ != kNever; }
  Cycles time() const { return time_; }

 private:
  friend class Events;
  Events& events_;
  std::function<void()> due_;
  Cycles time_ = kNever;
};

}  // namespace emulator
