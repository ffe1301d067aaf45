// PWM0 to PWM3: sequences begin and end, and no pin moves (the lamp's colours go this way). The event of each
// period is not raised. nRF52840 Product Specification, "PWM - Pulse width modulation".
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStop = 0x004;
constexpr uint32_t kSequenceStart = 0x008;  // of sequence 0, then of 1
constexpr uint32_t kStopped = 0x104;
constexpr uint32_t kSequenceStarted = 0x108;
constexpr uint32_t kSequenceEnd = 0x110;
constexpr uint32_t kLoopsDone = 0x11C;
constexpr uint32_t kCountTop = 0x508;
constexpr uint32_t kPrescaler = 0x50C;
constexpr uint32_t kDecoder = 0x510;
constexpr uint32_t kLoop = 0x514;
constexpr uint32_t kCount = 0x524;  // of sequence 0, as these; those of 1 are 0x20 further
constexpr uint32_t kRefresh = 0x528;
constexpr uint32_t kEndDelay = 0x52C;
constexpr uint32_t kNext = 0x20;

// SHORTS
constexpr int kEndStops = 0;  // of sequence 0, then of 1
constexpr int kLoopsDoneStarts = 2;
constexpr int kLoopsDoneStops = 4;

class Pwm : public Peripheral {
 public:
  Pwm(Chip& chip, uint32_t base)
      : Peripheral(chip, "PWM", base), alarm_(chip.events, [this] { proceed(); }) {}

  void start(uint32_t task) override {
    if (task == kStop) stop();
    if (task != kSequenceStart && task != kSequenceStart + 4) return;
    loops_left_ = reg(kLoop) & 0xFFFF;
    play((task - kSequenceStart) / 4);
  }

  void reset(Reset kind) override {
    Peripheral::reset(kind);
    alarm_.stop();
  }

 private:
  void stop() {
    alarm_.stop();
    raise(kStopped);
  }

  Cycles period() const { return Cycles{4} * (reg(kCountTop) & 0x7FFF) << (reg(kPrescaler) & 7); }

  void play(uint32_t sequence) {
    static constexpr uint32_t kValuesPerStep[4] = {1, 2, 4, 4};  // DECODER.LOAD
    sequence_ = sequence;
    waits_ = false;
    const uint32_t steps = (reg(kCount + kNext * sequence) & 0x7FFF) / kValuesPerStep[reg(kDecoder) & 3];
    const uint32_t repeats = 1 + (reg(kRefresh + kNext * sequence) & 0xFFFFFF);
    alarm_.in(1 + period() * steps * repeats);
    raise(kSequenceStarted + 4 * sequence);
  }

  // The end of a sequence, then of the delay behind it.
  void proceed() {
    if (!waits_) {
      raise(kSequenceEnd + 4 * sequence_);
      if (shortcut(kEndStops + static_cast<int>(sequence_))) return stop();
      waits_ = true;
      if (const uint32_t delay = reg(kEndDelay + kNext * sequence_) & 0xFFFFFF)
        return alarm_.in(period() * delay);
    }
    if (loops_left_ == 0) return;
    if (sequence_ == 0) return play(1);
    if (--loops_left_ > 0) return play(0);
    raise(kLoopsDone);
    if (shortcut(kLoopsDoneStarts)) start(kSequenceStart);
    if (shortcut(kLoopsDoneStarts + 1)) start(kSequenceStart + 4);
    if (shortcut(kLoopsDoneStops)) stop();
  }

  Alarm alarm_;
  uint32_t sequence_ = 0;
  uint32_t loops_left_ = 0;
  bool waits_ = false;  // in the delay behind a sequence
};

}  // namespace

void fit_pwm(Chip& chip, uint32_t base) {
  chip.fit<Pwm>(base);
}

}  // namespace emulator
