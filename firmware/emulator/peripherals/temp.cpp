// The temperature sensor of the chip, which always finds 25 degrees.
// nRF52840 Product Specification, "TEMP - Temperature sensor".
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kReady = 0x100;
constexpr uint32_t kValue = 0x508;
constexpr uint32_t kQuarterDegrees = 4 * 25;

class Temp : public Peripheral {
 public:
  explicit Temp(Chip& chip)
      : Peripheral(chip, "TEMP", 0x4000C000), alarm_(chip.events, [this] { measured(); }) {}

  void start(uint32_t task) override {
    if (task == 0) alarm_.in(microseconds(36));
  }

  void reset(Reset kind) override {
    Peripheral::reset(kind);
    alarm_.stop();
  }

 private:
  void measured() {
    reg(kValue) = kQuarterDegrees;
    raise(kReady);
  }

  Alarm alarm_;
};

}  // namespace

void fit_temp(Chip& chip) {
  chip.fit<Temp>();
}

}  // namespace emulator
