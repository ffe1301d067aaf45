// Eight bits a parameter with one scale, rounded up or down at random (SPEC 5.2).
#include "bytefed/codec/codec_parts.h"

namespace bytefed {
namespace {

constexpr float kLeast = 7.88860905e-31f;  // 2^-100: with a smaller scale, 1 / scale might overflow

size_t size(size_t count) {
  return kScaleSize + count;
}

// The smallest bfloat16 that is at least m / 127, so that every value is at most 127 times the scale.
float write_scale_for(float m, uint8_t* blob) {
  return write_scale(m < kLeast ? 0.0f : float_from_bits((float_bits(m / 127.0f) + 0xFFFFu) & 0xFFFF0000u),
                     blob);
}

void encode(size_t count, uint32_t seed, float* values, uint8_t* blob) {
  float m = 0.0f;
  for (size_t i = 0; i < count; ++i) {
    const float size = magnitude(values[i]);
    if (size > m) m = size;
  }
  const float scale = write_scale_for(m, blob);
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;  // with 0, shifted is in [128, 129)
  uint32_t word = 0;
  for (size_t i = 0; i < count; ++i) {
    word = i % 2 == 0 ? random_word(seed, static_cast<uint32_t>(i / 2)) : word >> 16;
    const float u = static_cast<float>(word & 0xFFFFu) * 1.52587891e-5f;  // 2^-16
    const float shifted = values[i] * inverse + (128.0f + u);
    const int32_t q = (shifted < 255.0f ? static_cast<int32_t>(shifted) : 255) - 128;
    blob[kScaleSize + i] = static_cast<uint8_t>(q);
    values[i] -= static_cast<float>(q) * scale;
  }
}

void decode(size_t count, uint32_t, const uint8_t* blob, float* values) {
  const float scale = read_scale(blob);
  for (size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(static_cast<int8_t>(blob[kScaleSize + i])) * scale;
  }
}

}  // namespace

extern const CodecFunctions kInt8Codec = {size, encode, decode};

}  // namespace bytefed
