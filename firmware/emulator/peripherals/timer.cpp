// TIMER0 to TIMER4: counters on the 16 MHz clock.
// nRF52840 Product Specification, "TIMER - Timer/counter".
#include <algorithm>

#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStart = 0x000;
constexpr uint32_t kStop = 0x004;
constexpr uint32_t kCount = 0x008;
constexpr uint32_t kClear = 0x00C;
constexpr uint32_t kShutdown = 0x010;
constexpr uint32_t kCapture = 0x040;
constexpr uint32_t kCompare = 0x140;
constexpr uint32_t kMode = 0x504;
constexpr uint32_t kBitMode = 0x508;
constexpr uint32_t kPrescaler = 0x510;
constexpr uint32_t kValue = 0x540;

class Timer : public Peripheral {
 public:
  Timer(Chip& chip, uint32_t base, int compares)
      : Peripheral(chip, "TIMER", base), compares_(compares), alarm_(chip.events, [this] { match(); }) {}

  void start(uint32_t task) override {
    if (task >= kCapture && task < kCapture + 4 * static_cast<uint32_t>(compares_)) {
      reg(kValue + task - kCapture) = counter();
      return plan();
    }
    switch (task) {
      case kStart:
        if (!runs_) {
          runs_ = true;
          began_ = now();
        }
        break;
      case kStop: halt(counter()); break;
      case kShutdown: halt(0); break;  // clears the counter too, which the SoftDevice relies on
      case kCount:
        if (counts_events()) count_event();
        break;
      case kClear: set(0); break;
      default: break;
    }
    plan();
  }

  void reset(Reset kind) override {
    Peripheral::reset(kind);
    halt(0);
    alarm_.stop();
  }

 protected:
  void on_write(uint32_t, uint32_t) override { plan(); }

 private:
  bool counts_events() const { return reg(kMode) & 3; }
  bool counts_time() const { return runs_ && !counts_events(); }
  Cycles period() const { return Cycles{4} << (reg(kPrescaler) & 15); }
  uint64_t elapsed() const { return (now() - began_) / period(); }
  uint32_t mask() const {
    constexpr uint32_t kMasks[4] = {0xFFFF, 0xFF, 0xFFFFFF, 0xFFFFFFFF};
    return kMasks[reg(kBitMode) & 3];
  }
  uint32_t counter() const {
    return static_cast<uint32_t>(count_ + (counts_time() ? elapsed() : 0)) & mask();
  }
  uint32_t value(int i) const { return reg(kValue + 4 * static_cast<uint32_t>(i)) & mask(); }

  void set(uint32_t count) {
    count_ = count;
    began_ = now();
  }

  void halt(uint32_t count) {
    count_ = count;
    runs_ = false;
  }

  void count_event() {
    count_ = (count_ + 1) & mask();
    match();
  }

  void plan() {
    alarm_.stop();
    if (!counts_time()) return;
    const uint32_t count = counter();
    uint64_t ticks = ~0ull;
    for (int i = 0; i < compares_; ++i) {
      const uint32_t distance = (value(i) - count) & mask();
      ticks = std::min(ticks, distance ? distance : uint64_t{mask()} + 1);
    }
    alarm_.at(began_ + (elapsed() + ticks) * period());
  }

  // The counter has reached one of its values.
  void match() {
    const uint32_t count = counter();
    for (int i = 0; i < compares_; ++i) {
      if (value(i) != count) continue;
      if (shortcut(i)) set(0);
      if (shortcut(8 + i)) halt(shortcut(i) ? 0 : count);
      raise(kCompare + 4 * static_cast<uint32_t>(i));
    }
    plan();
  }

  int compares_;
  Alarm alarm_;
  bool runs_ = false;
  Cycles began_ = 0;
  uint32_t count_ = 0;  // at began_, or as long as it does not run
};

}  // namespace

void fit_timer(Chip& chip, uint32_t base, int compares) {
  chip.fit<Timer>(base, compares);
}

}  // namespace emulator
