#include "peripherals/pdm.h"

#include <algorithm>
#include <cmath>

#include "chip/chip.h"

namespace emulator {
namespace {

constexpr uint32_t kStart = 0x000;
constexpr uint32_t kStop = 0x004;
constexpr uint32_t kStarted = 0x100;
constexpr uint32_t kStopped = 0x104;
constexpr uint32_t kEnd = 0x108;
constexpr uint32_t kEnable = 0x500;
constexpr uint32_t kClock = 0x504;
constexpr uint32_t kMode = 0x508;
constexpr uint32_t kGainLeft = 0x518;
constexpr uint32_t kGainRight = 0x51C;
constexpr uint32_t kRatio = 0x520;
constexpr uint32_t kPinClock = 0x540;
constexpr uint32_t kPinData = 0x544;
constexpr uint32_t kPointer = 0x560;
constexpr uint32_t kCount = 0x564;

constexpr uint32_t kMono = 1;
constexpr uint32_t kNoPin = 0x80000000;
constexpr uint32_t kClockAtReset = 0x08400000;  // 32 MHz / 31
constexpr uint32_t kNoGain = 0x28;              // 0 dB, in steps of half a dB
constexpr uint32_t kMostGain = 0x50;

}  // namespace

Pdm::Pdm(Chip& chip) : Peripheral(chip, "PDM", 0x4001D000), alarm_(chip.events, [this] { next(); }) {}

void Pdm::reset(Reset kind) {
  Peripheral::reset(kind);
  alarm_.stop();
  reg(kClock) = kClockAtReset;
  reg(kGainLeft) = reg(kGainRight) = kNoGain;
  reg(kPinClock) = reg(kPinData) = 0xFFFFFFFF;
}

void Pdm::start(uint32_t task) {
  if (task == kStart) begin();
  if (task == kStop && alarm_.is_set()) ending_ = true;
}

void Pdm::on_write(uint32_t offset, uint32_t value) {
  if (offset == kEnable && (value & 1) == 0) alarm_.stop();
}

void Pdm::begin() {
  if ((reg(kEnable) & 1) == 0 || alarm_.is_set()) return;
  ending_ = false;
  alarm_.in(sample_time());
  take_buffer();
}

// SAMPLE.PTR is double-buffered: from STARTED on it may name the next buffer. Whoever does not gets the same
// one again, and what is in it is written over.
void Pdm::take_buffer() {
  buffer_ = reg(kPointer);
  places_ = reg(kCount) & 0x7FFF;
  filled_ = 0;
  raise(kStarted);
}

void Pdm::next() {
  put(hear(reg(kGainLeft)));
  if ((reg(kMode) & kMono) == 0) put(hear(reg(kGainRight)));
  if (ending_) {
    raise(kEnd);
    raise(kStopped);
    return;
  }
  alarm_.in(sample_time());
  if (filled_ < places_) return;
  raise(kEnd);
  take_buffer();
}

void Pdm::put(int16_t sample) {
  if (filled_ == places_) return;
  if (uint8_t* place = chip().memory.ram_bytes(buffer_ + 2 * filled_, 2)) {
    place[0] = static_cast<uint8_t>(sample);
    place[1] = static_cast<uint8_t>(sample >> 8);
  }
  ++filled_;
}

int16_t Pdm::hear(uint32_t gain) const {
  if (!microphone_ || (reg(kPinClock) | reg(kPinData)) & kNoPin) return 0;
  const double decibels = (std::min(gain & 0x7F, kMostGain) - static_cast<double>(kNoGain)) / 2;
  const double sample = std::floor(microphone_(now()) * std::pow(10, decibels / 20) + 0.5);
  return static_cast<int16_t>(std::clamp(sample, -32768.0, 32767.0));
}

// PDM_CLK is 32 MHz divided by a whole number, of which the register has the reciprocal.
Cycles Pdm::sample_time() const {
  const Cycles divisor = (Cycles{1} << 32) / std::max(reg(kClock), 1u);
  return 2 * divisor * (reg(kRatio) & 1 ? 80 : 64);
}

}  // namespace emulator
