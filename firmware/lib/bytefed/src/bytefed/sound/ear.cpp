#include "bytefed/sound/ear.h"

#include <cstring>

#include "bytefed/exact_arithmetic.h"

namespace bytefed {
namespace {

constexpr uint16_t kWaits = 0xFFFF;  // frames left of a window that has not started
constexpr int32_t kLoud = 32;        // above the floor, in units of features
constexpr int32_t kFollows = 32;     // a part of what the floor lacks, which it gains each frame
constexpr uint8_t kEnough = 2;       // loud frames that start a window
constexpr uint16_t kBefore = 5;      // a part of a window, from before sound starts: a fifth
constexpr uint16_t kFades = 16;      // a part of the peak, which each frame takes away
constexpr size_t kHalves = 32;       // samples at half the rate that are made at once
constexpr float kUnit = 64.0f;       // features are 64 times a logarithm

int8_t quantize(uint16_t feature, const SoundWindow& window) {
  const float code = static_cast<float>(feature) / kUnit / window.scale + 0.5f;
  if (!(code < 256.0f)) return INT8_MAX;
  const int value = static_cast<int>(code) + window.zero_point;
  return static_cast<int8_t>(value > INT8_MAX ? INT8_MAX : value);
}

}  // namespace

bool Ear::start(const SoundWindow& window, const int16_t* tables, size_t count, int8_t* ring) {
  window_ = window;
  ring_ = ring;
  if (window.frames < kMinSoundFrames || !front_end_.start(window.format, tables, count)) window_.frames = 0;
  clear();
  return window_.frames != 0;
}

void Ear::clear(bool on_sound) {
  front_end_.clear();
  half_.clear();
  odd_ = false;
  on_sound_ = on_sound;
  next_ = held_ = peak_ = 0;
  left_ = on_sound ? kWaits : window_.frames;
}

size_t Ear::take(const int16_t* samples, size_t count) {
  if (window_.frames == 0 || complete()) return 0;
  size_t taken = 0;
  while (taken < count && !front_end_.complete()) {
    const size_t left = count - taken;
    taken += window_.halves ? hear(samples + taken, left) : front_end_.take(samples + taken, left);
  }
  meter(samples, taken);
  if (front_end_.complete()) finish_frame();
  return taken;
}

// Takes some samples at half their rate; returns how many.
size_t Ear::hear(const int16_t* samples, size_t count) {
  int16_t halves[kHalves];
  if (odd_ || count == 1) {
    const int16_t pair[] = {first_, *samples};
    first_ = *samples;
    odd_ = !odd_;
    if (odd_) return 1;
    half_.take(pair, 1, halves);
    front_end_.take(halves, 1);
    return 1;
  }
  size_t pairs = count / 2 < kHalves ? count / 2 : kHalves;
  if (pairs > front_end_.wanted()) pairs = front_end_.wanted();
  half_.take(samples, pairs, halves);
  front_end_.take(halves, pairs);
  return 2 * pairs;
}

void Ear::meter(const int16_t* samples, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const int32_t size = samples[i] < 0 ? -samples[i] : samples[i];
    if (size > peak_) peak_ = static_cast<uint16_t>(size);
    if (size >= INT16_MAX) ++level_.clipped;
  }
}

void Ear::finish_frame() {
  uint16_t features[kMaxSoundBands];
  front_end_.features(features);
  int8_t* const frame = ring_ + static_cast<size_t>(next_) * window_.format.bands;
  for (uint8_t b = 0; b < window_.format.bands; ++b) frame[b] = quantize(features[b], window_);
  next_ = static_cast<uint16_t>(next_ + 1 == window_.frames ? 0 : next_ + 1);
  const bool starts_here = starts(features);
  if (held_ < window_.frames) ++held_;
  if (left_ != kWaits) {
    --left_;
  } else if (starts_here && held_ == window_.frames) {
    left_ = static_cast<uint16_t>(window_.frames - kEnough - window_.frames / kBefore);
  }
  const uint16_t faded = static_cast<uint16_t>(level_.peak - level_.peak / kFades);
  level_.peak = peak_ > faded ? peak_ : faded;
  peak_ = 0;
}

// Whether sound starts with this frame and those before it.
bool Ear::starts(const uint16_t* features) {
  if (!on_sound_) return false;
  int32_t loudness = 0;
  for (uint8_t b = 0; b < window_.format.bands; ++b) loudness += features[b];
  loudness /= window_.format.bands;  // NOLINT(clang-analyzer-core.DivideZero): start() refuses 0
  if (held_ == 0 || loudness < floor_) {
    floor_ = loudness;
  } else {
    const int32_t higher = floor_ + 1 + (loudness - floor_) / kFollows;
    floor_ = loudness < higher ? loudness : higher;
  }
  const uint8_t before = loud_;
  loud_ =
      loudness < floor_ + kLoud ? uint8_t{0} : static_cast<uint8_t>(loud_ < kEnough ? loud_ + 1 : kEnough);
  return before < kEnough && loud_ == kEnough;
}

void Ear::copy(int8_t* inputs) {
  const size_t bands = window_.format.bands, oldest = static_cast<size_t>(window_.frames - next_);
  std::memcpy(inputs, ring_ + next_ * bands, oldest * bands);
  std::memcpy(inputs + oldest * bands, ring_, next_ * bands);
  left_ = on_sound_ ? kWaits : static_cast<uint16_t>(window_.frames / 2);
}

}  // namespace bytefed
