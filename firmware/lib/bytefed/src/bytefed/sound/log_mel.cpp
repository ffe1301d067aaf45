#include "bytefed/sound/log_mel.h"

#include <cstring>

#include "bytefed/sound/integer_math.h"

namespace bytefed {
namespace {

constexpr int kWindowBits = 12;
constexpr uint64_t kWhole = 4096;  // a weight of 1

}  // namespace

bool LogMel::start(const SoundFormat& format, const int16_t* tables, size_t count) {
  format_ = format;
  held_ = 0;
  const bool sizes = format.frame >= kMinSoundFrame && format.frame <= kMaxSoundFrame && format.step >= 1 &&
                     format.step <= format.frame && format.bands >= 1 && format.bands <= kMaxSoundBands;
  if (sizes && lay_out(tables, count)) return true;
  format_ = {0, 0, 0};
  return false;
}

// Finds the tables one after the other; false if their lengths or what they point to don't fit.
bool LogMel::lay_out(const int16_t* tables, size_t count) {
  size_ = 32;
  while (2 * size_ < format_.frame) size_ = static_cast<uint16_t>(2 * size_);
  const size_t fixed = format_.frame + 3u * size_ + kLogarithms + 1 + format_.bands + 1;
  if (count < fixed) return false;
  window_ = tables;
  const int16_t* twiddles = window_ + format_.frame;
  const int16_t* split = twiddles + 2 * size_;
  logarithms_ = split + size_;
  widths_ = logarithms_ + kLogarithms + 1;
  weights_ = widths_ + format_.bands + 1;
  fft_ = RealFft(twiddles, split, size_);
  const int16_t first = logarithms_[kLogarithms];
  size_t bins = 0;
  for (uint8_t b = 0; b <= format_.bands; ++b) {
    if (widths_[b] < 0) return false;
    bins += static_cast<size_t>(widths_[b]);
  }
  if (first < 1 || first + bins > size_ || count != fixed + bins) return false;
  first_ = static_cast<uint16_t>(first);
  for (size_t i = 0; i < bins; ++i) {
    if (weights_[i] < 0 || static_cast<uint64_t>(weights_[i]) > kWhole) return false;
  }
  return true;
}

size_t LogMel::take(const int16_t* samples, size_t count) {
  const size_t taken = count < wanted() ? count : wanted();
  std::memcpy(samples_ + held_, samples, taken * sizeof *samples);
  held_ = static_cast<uint16_t>(held_ + taken);
  return taken;
}

void LogMel::features(uint16_t* out) {
  const uint8_t shift = headroom();
  spread(shift);
  fft_.transform(bins_);
  bands(shift, out);
  held_ = static_cast<uint16_t>(format_.frame - format_.step);
  std::memmove(samples_, samples_ + format_.step, held_ * sizeof *samples_);
}

int16_t LogMel::windowed(uint16_t i) const {
  return static_cast<int16_t>((samples_[i] * window_[i]) >> kWindowBits);
}

// The bits by which the frame can grow and still fit 16 bits. -2^15 has no opposite and does not count.
uint8_t LogMel::headroom() const {
  int32_t loudest = 0;
  for (uint16_t i = 0; i < format_.frame; ++i) {
    const int32_t value = windowed(i);
    const int32_t size = value < 0 ? -value : value;
    if (size > loudest && size <= INT16_MAX) loudest = size;
  }
  return static_cast<uint8_t>(15 - bits(static_cast<uint32_t>(loudest)));
}

// Lays the frame out for the transform, two samples to a complex value.
void LogMel::spread(uint8_t shift) {
  const auto grown = [&](uint16_t i) {
    return i < format_.frame ? static_cast<int16_t>(static_cast<uint16_t>(windowed(i)) << shift) : int16_t{0};
  };
  for (uint16_t k = 0; k < size_; ++k) {
    const uint16_t even = static_cast<uint16_t>(2 * k);
    bins_[fft_.place(k)] = {grown(even), grown(static_cast<uint16_t>(even + 1))};
  }
}

// Each range of bins falls for one band and rises for the next.
void LogMel::bands(uint8_t shift, uint16_t* out) const {
  const uint8_t gain = static_cast<uint8_t>(bits(2u * size_) - 7);
  const Complex* bin = bins_ + first_;
  const int16_t* weight = weights_;
  uint64_t rising = 0;
  for (uint8_t b = 0; b <= format_.bands; ++b) {
    uint64_t sum = rising;
    rising = 0;
    for (int16_t i = 0; i < widths_[b]; ++i, ++bin, ++weight) {
      const uint64_t energy = static_cast<uint32_t>(bin->re * bin->re + bin->im * bin->im);
      const uint64_t share = static_cast<uint64_t>(*weight);
      sum += share * energy;
      rising += (kWhole - share) * energy;
    }
    if (b > 0) out[b - 1] = log64((root(sum) >> shift) << gain, logarithms_);
  }
}

}  // namespace bytefed
