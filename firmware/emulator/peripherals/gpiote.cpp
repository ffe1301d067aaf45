// Tasks that move pins, and events of pins that move.
// nRF52840 Product Specification, "GPIOTE - GPIO tasks and events".
#include "chip/chip.h"
#include "peripherals/fit.h"
#include "peripherals/gpio.h"

namespace emulator {
namespace {

constexpr uint32_t kOut = 0x000;  // of channel 0, as all of these
constexpr uint32_t kSet = 0x030;
constexpr uint32_t kClear = 0x060;
constexpr uint32_t kIn = 0x100;
constexpr uint32_t kPort = 0x17C;
constexpr uint32_t kConfig = 0x510;
constexpr uint32_t kChannels = 8;

// CONFIG
constexpr uint32_t kMode = 3;
constexpr uint32_t kEventMode = 1;
constexpr uint32_t kTaskMode = 3;
constexpr uint32_t kRising = 1;  // POLARITY: 1 rising, 2 falling, 3 both, or toggle
constexpr uint32_t kFalling = 2;
constexpr uint32_t kInitiallyHigh = 1u << 20;

class Gpiote : public Peripheral {
 public:
  Gpiote(Chip& chip, Gpio& pins) : Peripheral(chip, "GPIOTE", 0x40006000), pins_(pins) {
    pins_.listen([this](int pin, bool high) { moved(pin, high); }, [this] { raise(kPort); });
  }

  void start(uint32_t task) override {
    const uint32_t channel = task % 0x30 / 4;
    if (task >= kClear + 4 * kChannels || channel >= kChannels || mode(channel) != kTaskMode) return;
    if (task >= kClear) return put(channel, false);
    if (task >= kSet) return put(channel, true);
    switch (polarity(channel)) {
      case kRising: return put(channel, true);
      case kFalling: return put(channel, false);
      case kRising | kFalling: return put(channel, !driven_[channel]);
      default: return;
    }
  }

  void reset(Reset kind) override {
    Peripheral::reset(kind);
    driven_.fill(false);
  }

 protected:
  void on_write(uint32_t offset, uint32_t value) override {
    if (offset < kConfig || offset >= kConfig + 4 * kChannels) return;
    const uint32_t channel = (offset - kConfig) / 4;
    if (held_[channel] >= 0) pins_.drive(held_[channel], {});
    held_[channel] = -1;
    if ((value & kMode) != kTaskMode) return;
    held_[channel] = pin(channel);
    put(channel, value & kInitiallyHigh);
  }

 private:
  uint32_t mode(uint32_t channel) const { return reg(kConfig + 4 * channel) & kMode; }
  uint32_t polarity(uint32_t channel) const { return reg(kConfig + 4 * channel) >> 16 & 3; }
  int pin(uint32_t channel) const {
    return static_cast<int>(reg(kConfig + 4 * channel) >> 8 & 0x3F) % Gpio::kPins;
  }

  void put(uint32_t channel, bool high) {
    driven_[channel] = high;
    pins_.drive(pin(channel), high);
  }

  void moved(int pin_that_moved, bool high) {
    for (uint32_t channel = 0; channel < kChannels; ++channel) {
      if (mode(channel) != kEventMode || pin(channel) != pin_that_moved) continue;
      if (polarity(channel) & (high ? kRising : kFalling)) raise(kIn + 4 * channel);
    }
  }

  Gpio& pins_;
  std::array<bool, kChannels> driven_{};
  std::array<int, kChannels> held_{-1, -1, -1, -1, -1, -1, -1, -1};
};

}  // namespace

void fit_gpiote(Chip& chip, Gpio& pins) {
  chip.fit<Gpiote>(pins);
}

}  // namespace emulator
