// The analogue-to-digital converter: every sample is the middle of the range.
// nRF52840 Product Specification, "SAADC - Successive approximation analog-to-digital converter".
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStart = 0x000;
constexpr uint32_t kSample = 0x004;
constexpr uint32_t kStop = 0x008;
constexpr uint32_t kCalibrate = 0x00C;
constexpr uint32_t kStarted = 0x100;
constexpr uint32_t kEnd = 0x104;
constexpr uint32_t kDone = 0x108;
constexpr uint32_t kResultDone = 0x10C;
constexpr uint32_t kCalibrated = 0x110;
constexpr uint32_t kStopped = 0x114;
constexpr uint32_t kPointer = 0x62C;
constexpr uint32_t kAmount = 0x634;

class Saadc : public Peripheral {
 public:
  explicit Saadc(Chip& chip) : Peripheral(chip, "SAADC", 0x40007000) {}

  void start(uint32_t task) override {
    switch (task) {
      case kStart: raise(kStarted); break;
      case kSample: sample(); break;
      case kStop: raise(kStopped); break;
      case kCalibrate: raise(kCalibrated); break;
      default: break;
    }
  }

 private:
  void sample() {
    if (uint8_t* result = chip().memory.ram_bytes(reg(kPointer), 2)) {
      result[0] = 0x00;
      result[1] = 0x02;
    }
    reg(kAmount) = 1;
    raise(kDone);
    raise(kResultDone);
    raise(kEnd);
  }
};

}  // namespace

void fit_saadc(Chip& chip) {
  chip.fit<Saadc>();
}

}  // namespace emulator
