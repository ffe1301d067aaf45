// What a head or a delta looks like in a blob (SPEC 5). Sizes are a closed form of the shape, never
// of the values.
#pragma once
#include "bytefed/head.h"

namespace bytefed {

enum class Codec : uint8_t { kFloat32 = 0 };

constexpr bool known_codec(uint8_t codec) {
  return codec == static_cast<uint8_t>(Codec::kFloat32);
}

// Bytes of a blob.
constexpr size_t blob_size(HeadShape shape) {
  return sizeof(float) * shape.parameters();
}

}  // namespace bytefed
