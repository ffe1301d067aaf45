// One bit a parameter after a random rotation, and one scale (SPEC 5.3). Vargaftik et al., "DRIVE: One-bit
// Distributed Mean Estimation" (NeurIPS 2021), with error feedback instead of an unbiased scale.
#include "bytefed/rotated.h"

namespace bytefed {
namespace {

constexpr uint32_t kOne = 0x3F800000u;  // 1.0f

float cut(float* x, size_t n, uint8_t* out) {
  float sum = 0.0f;
  for (const float* end = x + n; x != end; out += sizeof(uint32_t)) {
    uint32_t word = 0;
    for (size_t i = 0; i < 32; ++i, ++x) {
      const uint32_t sign = float_bits(*x) & kSignBit;
      sum += magnitude(*x);
      word = word >> 1 | (sign ^ kSignBit);
      *x = float_from_bits(sign | kOne);
    }
    std::memcpy(out, &word, sizeof word);
  }
  return sum / static_cast<float>(n);
}

void read(const uint8_t* in, size_t n, float* x) {
  for (const float* end = x + n; x != end; in += sizeof(uint32_t)) {
    uint32_t word;
    std::memcpy(&word, in, sizeof word);
    for (size_t i = 0; i < 32; ++i, ++x, word >>= 1) *x = float_from_bits(kOne | (~word & 1u) << 31);
  }
}

constexpr Levels kLevels = {1, cut, read};

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

const CodecFunctions kOneBitCodec = {size, encode, decode};

}  // namespace bytefed
