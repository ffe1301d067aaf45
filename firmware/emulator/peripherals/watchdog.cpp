// The watchdog. Once started, only a reset stops it, and a software reset does not.
// nRF52840 Product Specification, "WDT - Watchdog timer".
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStart = 0x000;
constexpr uint32_t kTimeout = 0x100;
constexpr uint32_t kRunStatus = 0x400;
constexpr uint32_t kRequestStatus = 0x404;
constexpr uint32_t kCounterReload = 0x504;
constexpr uint32_t kRequestsOn = 0x508;
constexpr uint32_t kConfig = 0x50C;
constexpr uint32_t kReload = 0x600;  // of eight registers
constexpr uint32_t kMagic = 0x6E524635;

class Watchdog : public Peripheral {
 public:
  explicit Watchdog(Chip& chip)
      : Peripheral(chip, "WDT", 0x40010000),
        alarm_(chip.events, [this] { time_out(); }),
        postponed_(chip.events, [this] { bite(); }) {}

  void start(uint32_t task) override {
    if (task != kStart || runs_) return;
    runs_ = true;
    feed();
  }

  void reset(Reset kind) override {
    if (kind == Reset::kSoftware || kind == Reset::kLockup) return;
    Peripheral::reset(kind);
    reg(kRequestsOn) = 1;
    reg(kCounterReload) = ~0u;
    runs_ = false;
    alarm_.stop();
    postponed_.stop();
  }

  // The configuration can't be changed any more while the watchdog runs.
  void write(uint32_t offset, uint32_t value) override {
    const bool locked = offset == kCounterReload || offset == kRequestsOn || offset == kConfig;
    if (!runs_ || !locked) Peripheral::write(offset, value);
  }

 protected:
  void on_write(uint32_t offset, uint32_t value) override {
    if (offset < kReload || offset >= kReload + 32 || value != kMagic) return;
    asked_ |= 1u << (offset - kReload) / 4;
    if ((asked_ & reg(kRequestsOn)) == reg(kRequestsOn)) feed();
  }

  uint32_t on_read(uint32_t offset) override {
    if (offset == kRunStatus) return runs_;
    if (offset == kRequestStatus) return reg(kRequestsOn) & ~asked_;
    return reg(offset);
  }

 private:
  void feed() {
    asked_ = 0;
    if (runs_) alarm_.in((Cycles{reg(kCounterReload)} + 1) * 15625 / 8);  // in periods of 32.768 kHz
  }

  // With an interrupt, the reset waits for two periods of the slow clock.
  void time_out() {
    raise(kTimeout);
    if (interrupts() & 1) {
      postponed_.in(2 * 15625 / 8);
    } else {
      bite();
    }
  }

  void bite() { chip().watchdog_bit(); }

  Alarm alarm_;
  Alarm postponed_;
  bool runs_ = false;
  uint32_t asked_ = 0;
};

}  // namespace

void fit_watchdog(Chip& chip) {
  chip.fit<Watchdog>();
}

}  // namespace emulator
