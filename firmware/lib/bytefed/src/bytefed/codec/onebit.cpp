// One bit a parameter after a random rotation, and one scale (SPEC 5.3). Vargaftik et al., "DRIVE: One-bit
// Distributed Mean Estimation" (NeurIPS 2021), with error feedback instead of an unbiased scale.
#include "bytefed/codec/rotated.h"

namespace bytefed {
namespace {

constexpr uint32_t kOne = 0x3F800000u;  // 1.0f

void cut(float* x, size_t n, uint8_t* blob) {
  const float *end = x + n, *y = x;
  float sum = 0.0f;
  do sum += magnitude(*y);
  while (++y != end);
  const uint32_t scale = float_bits(write_scale(sum / static_cast<float>(n), blob));
  blob += kScaleSize;
  do {
    uint32_t word = 0;
    for (size_t i = 0; i < 32; ++i, ++x) {
      const uint32_t sign = float_bits(*x) & kSignBit;
      word = word >> 1 | (sign ^ kSignBit);
      *x -= float_from_bits(sign | scale);
    }
    std::memcpy(blob, &word, sizeof word);
    blob += sizeof word;
  } while (x != end);
}

void read(const uint8_t* blob, size_t n, float* level) {
  const float* end = level + n;
  blob += kScaleSize;
  do {
    uint32_t word;
    std::memcpy(&word, blob, sizeof word);
    blob += sizeof word;
    for (size_t i = 0; i < 32; ++i, ++level, word >>= 1) *level = float_from_bits(kOne | (~word & 1u) << 31);
  } while (level != end);
}

constexpr Levels kOneBitLevels = {1, cut, read};

}  // namespace

extern const CodecFunctions kOneBitCodec = {Rotated<kOneBitLevels>::size, Rotated<kOneBitLevels>::encode,
                                            Rotated<kOneBitLevels>::decode};

}  // namespace bytefed
