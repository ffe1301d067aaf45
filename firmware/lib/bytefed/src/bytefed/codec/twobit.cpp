// Two bits a parameter after a random rotation, and one scale (SPEC 5.3). Vargaftik et al., "EDEN:
// Communication-Efficient and Robust Distributed Mean Estimation" (ICML 2022), with error feedback.
#include "bytefed/codec/rotated.h"

namespace bytefed {
namespace {

constexpr uint32_t kLow = 3, kHigh = 10;
constexpr float kThreshold = 1.2303f;  // times the mean magnitude: 0.9816 standard deviations

float level_of(float x, float threshold) {
  return static_cast<float>(magnitude(x) > threshold ? kHigh : kLow);
}

float fit(const float* x, size_t n, float threshold) {
  float product = 0.0f;
  uint32_t squares = 0;
  for (size_t j = 0; j < n; ++j) {
    const float level = level_of(x[j], threshold);
    product += magnitude(x[j]) * level;
    squares += static_cast<uint32_t>(level * level);
  }
  return product / static_cast<float>(squares);
}

void cut(float* x, size_t n, uint8_t* blob) {
  float sum = 0.0f;
  for (size_t j = 0; j < n; ++j) sum += magnitude(x[j]);
  const float threshold = sum / static_cast<float>(n) * kThreshold;
  const float scale = write_scale(fit(x, n, threshold), blob);
  for (size_t j = 0; j < n; j += 4) {
    uint32_t byte = 0;
    for (size_t i = 0; i < 4; ++i, ++x) {
      const uint32_t sign = float_bits(*x) & kSignBit, high = magnitude(*x) > threshold;
      byte |= ((sign == 0) | high << 1) << (2 * i);
      *x -= float_from_bits(sign | float_bits(level_of(*x, threshold) * scale));
    }
    blob[kScaleSize + j / 4] = static_cast<uint8_t>(byte);
  }
}

void read(const uint8_t* blob, size_t n, float* level) {
  for (size_t j = 0; j < n; ++j) {
    const uint32_t code = static_cast<uint32_t>(blob[kScaleSize + j / 4]) >> (2 * (j % 4));
    const float size = static_cast<float>((code & 2u) != 0 ? kHigh : kLow);
    level[j] = (code & 1u) != 0 ? size : -size;
  }
}

constexpr Levels kTwoBitLevels = {2, cut, read};

}  // namespace

extern const CodecFunctions kTwoBitCodec = {Rotated<kTwoBitLevels>::size, Rotated<kTwoBitLevels>::encode,
                                            Rotated<kTwoBitLevels>::decode};

}  // namespace bytefed
