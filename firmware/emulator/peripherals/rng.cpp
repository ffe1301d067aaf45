// The random number generator, whose numbers come from the chip's seed.
// nRF52840 Product Specification, "RNG - Random number generator".
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStart = 0x000;
constexpr uint32_t kStop = 0x004;
constexpr uint32_t kReady = 0x100;
constexpr uint32_t kValue = 0x508;

class Rng : public Peripheral {
 public:
  explicit Rng(Chip& chip) : Peripheral(chip, "RNG", 0x4000D000), alarm_(chip.events, [this] { next(); }) {}

  void start(uint32_t task) override {
    if (task == kStart) alarm_.in(microseconds(128));
    if (task == kStop) alarm_.stop();
  }

  void reset(Reset kind) override {
    Peripheral::reset(kind);
    alarm_.stop();
  }

 private:
  void next() {
    reg(kValue) = static_cast<uint32_t>(chip().noise()() & 0xFF);
    if (!shortcut(0)) alarm_.in(microseconds(30));
    raise(kReady);
  }

  Alarm alarm_;
};

}  // namespace

void fit_rng(Chip& chip) {
  chip.fit<Rng>();
}

}  // namespace emulator
