// The values themselves.
#include "bytefed/codec_parts.h"

namespace bytefed {
namespace {

size_t size(size_t count) {
  return sizeof(float) * count;
}

void encode(size_t count, uint32_t, float* residual, float* work) {
  std::memcpy(work, residual, size(count));
  std::memset(residual, 0, size(count));
}

void decode(size_t, uint32_t, float*) {}

}  // namespace

const CodecFunctions kFloat32Codec = {size, encode, decode};

}  // namespace bytefed
