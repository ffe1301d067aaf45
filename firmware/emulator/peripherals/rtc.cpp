// RTC0 to RTC2: 24-bit counters on the 32.768 kHz clock.
// nRF52840 Product Specification, "RTC - Real-time counter".
#include <algorithm>

#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStart = 0x000;
constexpr uint32_t kStop = 0x004;
constexpr uint32_t kClear = 0x008;
constexpr uint32_t kTriggerOverflow = 0x00C;
constexpr uint32_t kTick = 0x100;
constexpr uint32_t kOverflow = 0x104;
constexpr uint32_t kCompare = 0x140;
constexpr uint32_t kEventsOn = 0x340;
constexpr uint32_t kEventsSet = 0x344;
constexpr uint32_t kEventsClear = 0x348;
constexpr uint32_t kCounter = 0x504;
constexpr uint32_t kPrescaler = 0x508;
constexpr uint32_t kCompareValue = 0x540;
constexpr uint32_t kMask = 0xFFFFFF;

class Rtc : public Peripheral {
 public:
  Rtc(Chip& chip, uint32_t base, int compares)
      : Peripheral(chip, "RTC", base), compares_(compares), alarm_(chip.events, [this] { tick(); }) {}

  void start(uint32_t task) override {
    switch (task) {
      case kStart:
        if (!runs_) begin(count_);
        break;
      case kStop:
        count_ = counter();
        runs_ = false;
        break;
      case kClear: begin(0, runs_); break;
      case kTriggerOverflow: begin(0xFFFFF0, runs_); break;
      default: break;
    }
    plan();
  }

  void reset(Reset kind) override {
    Peripheral::reset(kind);
    runs_ = false;
    count_ = events_on_ = 0;
    alarm_.stop();
  }

 protected:
  void on_write(uint32_t offset, uint32_t value) override {
    if (offset == kEventsOn) events_on_ = value;
    if (offset == kEventsSet) events_on_ |= value;
    if (offset == kEventsClear) events_on_ &= ~value;
    plan();
  }

  uint32_t on_read(uint32_t offset) override {
    if (offset == kCounter) return counter();
    if (offset >= kEventsOn && offset <= kEventsClear) return events_on_;
    return reg(offset);
  }

 private:
  void begin(uint32_t count, bool runs = true) {
    count_ = count;
    began_ = now();
    runs_ = runs;
  }

  // A tick takes (PRESCALER + 1) periods of 64 MHz / 32768 = 15625 / 8 cycles.
  uint64_t period() const { return (reg(kPrescaler) & 0xFFF) + 1; }
  uint64_t elapsed() const { return (now() - began_) * 8 / 15625 / period(); }
  Cycles time_of(uint64_t ticks) const { return began_ + (ticks * period() * 15625 + 7) / 8; }
  uint32_t counter() const { return runs_ ? static_cast<uint32_t>(count_ + elapsed()) & kMask : count_; }

  // Events happen only where EVTEN or INTEN ask for them.
  bool wanted(int bit) const { return (interrupts() | events_on_) >> bit & 1; }

  void plan() {
    alarm_.stop();
    if (!runs_) return;
    const uint32_t count = counter();
    uint64_t ticks = ~0ull;
    if (wanted(0)) ticks = 1;
    if (wanted(1)) ticks = std::min<uint64_t>(ticks, kMask + 1 - count);
    for (int i = 0; i < compares_; ++i) {
      if (!wanted(16 + i)) continue;
      const uint32_t distance = (value(i) - count) & kMask;
      ticks = std::min<uint64_t>(ticks, distance ? distance : kMask + 1);
    }
    if (ticks != ~0ull) alarm_.at(time_of(elapsed() + ticks));
  }

  void tick() {
    const uint32_t count = counter();
    if (wanted(0)) raise(kTick);
    if (wanted(1) && count == 0) raise(kOverflow);
    for (int i = 0; i < compares_; ++i) {
      if (wanted(16 + i) && value(i) == count) raise(kCompare + 4 * static_cast<uint32_t>(i));
    }
    plan();
  }

  uint32_t value(int i) const { return reg(kCompareValue + 4 * static_cast<uint32_t>(i)) & kMask; }

  int compares_;
  Alarm alarm_;
  bool runs_ = false;
  Cycles began_ = 0;
  uint32_t count_ = 0;  // at began_
  uint32_t events_on_ = 0;
};

}  // namespace

void fit_rtc(Chip& chip, uint32_t base, int compares) {
  chip.fit<Rtc>(base, compares);
}

}  // namespace emulator
