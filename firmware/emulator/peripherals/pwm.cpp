// PWM0 to PWM3: sequences begin and end, and no pin moves (the lamp's colours go this way).
// nRF52840 Product Specification, "PWM - Pulse width modulation".
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStop = 0x004;
constexpr uint32_t kSequenceStart = 0x008;  // of sequence 0, then of 1
constexpr uint32_t kStopped = 0x104;
constexpr uint32_t kSequenceStarted = 0x108;
constexpr uint32_t kSequenceEnd = 0x110;
constexpr uint32_t kCountTop = 0x508;
constexpr uint32_t kPrescaler = 0x50C;
constexpr uint32_t kCount = 0x524;  // of sequence 0; that of 1 is 0x20 further
constexpr int kEndStops = 0;        // SHORTS: SEQEND0_STOP, then SEQEND1_STOP

class Pwm : public Peripheral {
 public:
  Pwm(Chip& chip, uint32_t base) : Peripheral(chip, "PWM", base), alarm_(chip.events, [this] { end(); }) {}

  void start(uint32_t task) override {
    if (task == kStop) {
      alarm_.stop();
      raise(kStopped);
    }
    if (task != kSequenceStart && task != kSequenceStart + 4) return;
    sequence_ = (task - kSequenceStart) / 4;
    const Cycles period = Cycles{4} * (reg(kCountTop) & 0x7FFF) << (reg(kPrescaler) & 7);
    alarm_.in(1 + period * (reg(kCount + 0x20 * sequence_) & 0x7FFF));
    raise(kSequenceStarted + 4 * sequence_);
  }

  void reset(Reset kind) override {
    Peripheral::reset(kind);
    alarm_.stop();
  }

 private:
  void end() {
    raise(kSequenceEnd + 4 * sequence_);
    if (shortcut(kEndStops + static_cast<int>(sequence_))) raise(kStopped);
  }

  Alarm alarm_;
  uint32_t sequence_ = 0;
};

}  // namespace

void fit_pwm(Chip& chip, uint32_t base) { chip.fit<Pwm>(base); }

}  // namespace emulator
