// Two bits a parameter after a random rotation, and one scale (SPEC 5.3). Vargaftik et al., "EDEN:
// Communication-Efficient and Robust Distributed Mean Estimation" (ICML 2022), with error feedback.
#include "bytefed/rotated.h"

namespace bytefed {
namespace {

constexpr uint32_t kLow = 3, kHigh = 10;
constexpr float kThreshold = 1.2303f;  // of the mean magnitude: 0.9816 standard deviations

float cut(float* x, size_t n, uint8_t* out) {
  float sum = 0.0f, product = 0.0f;
  for (size_t i = 0; i < n; ++i) sum += magnitude(x[i]);
  const float threshold = sum / static_cast<float>(n) * kThreshold;
  uint32_t squares = 0;
  for (const float* end = x + n; x != end; ++out) {
    uint32_t byte = 0;
    for (size_t j = 0; j < 4; ++j, ++x) {
      const uint32_t sign = float_bits(*x) & kSignBit, high = magnitude(*x) > threshold;
      const uint32_t level = high != 0 ? kHigh : kLow;
      byte |= ((sign == 0) | high << 1) << (2 * j);
      product += magnitude(*x) * static_cast<float>(level);
      squares += level * level;
      *x = float_from_bits(sign | float_bits(static_cast<float>(level)));
    }
    *out = static_cast<uint8_t>(byte);
  }
  return product / static_cast<float>(squares);
}

void read(const uint8_t* in, size_t n, float* x) {
  for (size_t i = 0; i < n; ++i) {
    const uint32_t code = static_cast<uint32_t>(in[i / 4]) >> (2 * (i % 4));
    const float level = static_cast<float>((code & 2u) != 0 ? kHigh : kLow);
    x[i] = (code & 1u) != 0 ? level : -level;
  }
}

constexpr Levels kLevels = {2, cut, read};

size_t size(size_t count) {
  return rotated_size(kLevels, count);
}

void encode(size_t count, uint32_t seed, float* residual, float* work) {
  encode_rotated(kLevels, count, seed, residual, work);
}

void decode(size_t count, uint32_t seed, float* work) {
  decode_rotated(kLevels, count, seed, work);
}

}  // namespace

const CodecFunctions kTwoBitCodec = {size, encode, decode};

}  // namespace bytefed
