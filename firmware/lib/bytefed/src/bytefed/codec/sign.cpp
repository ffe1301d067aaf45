// One bit a parameter and one scale (SPEC 5.4): the baseline that the rotated codecs improve on.
#include "bytefed/codec/codec_parts.h"

namespace bytefed {
namespace {

size_t size(size_t count) {
  return kScaleSize + (count + 7) / 8;
}

void encode(size_t count, uint32_t, float* values, uint8_t* blob) {
  float sum = 0.0f;
  for (size_t i = 0; i < count; ++i) sum += magnitude(values[i]);
  const uint32_t scale = float_bits(write_scale(sum / static_cast<float>(count), blob));
  std::memset(blob + kScaleSize, 0, size(count) - kScaleSize);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t sign = float_bits(values[i]) & kSignBit;
    if (sign == 0) blob[kScaleSize + i / 8] |= static_cast<uint8_t>(1u << (i % 8));
    values[i] -= float_from_bits(scale | sign);
  }
}

void decode(size_t count, uint32_t, const uint8_t* blob, float* values) {
  const float scale = read_scale(blob);
  for (size_t i = 0; i < count; ++i) {
    values[i] = (blob[kScaleSize + i / 8] >> (i % 8) & 1u) != 0 ? scale : -scale;
  }
}

}  // namespace

extern const CodecFunctions kSignCodec = {size, encode, decode};

}  // namespace bytefed
