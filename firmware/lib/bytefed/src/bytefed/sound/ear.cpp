#include "bytefed/sound/ear.h"

#include <cstring>

namespace bytefed {
namespace {

constexpr uint16_t kWaits = 0xFFFF;  // frames left of a window that has not started
constexpr int32_t kLoud = 32;        // above the floor, in units of features
constexpr int32_t kFollows = 32;     // a part of what the floor lacks, which it gains each frame
constexpr uint8_t kEnough = 2;       // loud frames that start a window
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
  loud_ = kEnough;  // sound that is there already does not start
  left_ = on_sound ? kWaits : window_.frames;
  level_ = {0, 0};
}

size_t Ear::take(const int16_t* samples, size_t count) {
  if (window_.frames == 0 || complete()) return 0;
  for (size_t i = 0; i < count; ++i) {
    meter(samples[i]);
    hear(samples[i]);
    if (!front_end_.complete()) continue;
    finish_frame();
    return i + 1;
  }
  return count;
}

void Ear::meter(int16_t sample) {
  const uint16_t size = static_cast<uint16_t>(sample < 0 ? -sample : sample);
  if (size > peak_) peak_ = size;
  if (size >= INT16_MAX) ++level_.clipped;
}

void Ear::hear(int16_t sample) {
  if (!window_.halves) {
    front_end_.take(&sample, 1);
  } else if (!odd_) {
    first_ = sample;
    odd_ = true;
  } else {
    const int16_t half = half_.take(first_, sample);
    front_end_.take(&half, 1);
    odd_ = false;
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
    left_ = static_cast<uint16_t>(window_.frames - kEnough - window_.frames / 5);
  }
  const uint16_t faded = static_cast<uint16_t>(level_.peak - level_.peak / 16);
  level_.peak = peak_ > faded ? peak_ : faded;
  peak_ = 0;
}

// Whether sound starts with this frame and those before it.
bool Ear::starts(const uint16_t* features) {
  if (!on_sound_) return false;
  int32_t loudness = 0;
  for (uint8_t b = 0; b < window_.format.bands; ++b) loudness += features[b];
  loudness /= window_.format.bands;
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
