#include "chip/events.h"

#include <algorithm>
#include <utility>

namespace emulator {

void Events::changed(Cycles time) {
  earliest_ = std::min(earliest_, time);
  stop_ = std::min(stop_, time);
  deadline_ = std::min(deadline_, time);
}

Cycles Events::next() {
  earliest_ = kNever;
  for (const Alarm* alarm : alarms_) earliest_ = std::min(earliest_, alarm->time_);
  return earliest_;
}

void Events::run_due() {
  const Cycles present = now_;
  while (earliest_ <= present) {
    Alarm* first = nullptr;
    for (Alarm* alarm : alarms_) {
      if (alarm->time_ <= present && (!first || alarm->time_ < first->time_)) first = alarm;
    }
    if (!first) break;
    now_ = first->time_;
    first->time_ = kNever;
    first->due_();
  }
  now_ = std::max(now_, present);  // a callee may have stalled the processor
  next();
}

Alarm::Alarm(Events& events, std::function<void()> due) : events_(events), due_(std::move(due)) {
  events_.alarms_.push_back(this);
}

Alarm::~Alarm() {
  auto& all = events_.alarms_;
  all.erase(std::remove(all.begin(), all.end(), this), all.end());
}

void Alarm::at(Cycles time) {
  time_ = time;
  events_.changed(time);
}

}  // namespace emulator
