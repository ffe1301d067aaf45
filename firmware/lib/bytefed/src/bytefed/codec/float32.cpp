// The values as they are, four bytes each.
#include "bytefed/codec/codec_parts.h"

namespace bytefed {
namespace {

size_t size(size_t count) {
  return sizeof(float) * count;
}

void encode(size_t count, uint32_t, float* values, uint8_t* blob) {
  std::memcpy(blob, values, size(count));
  std::memset(values, 0, size(count));
}

void decode(size_t count, uint32_t, const uint8_t* blob, float* values) {
  std::memcpy(values, blob, size(count));
}

}  // namespace

extern const CodecFunctions kFloat32Codec = {size, encode, decode};

}  // namespace bytefed
