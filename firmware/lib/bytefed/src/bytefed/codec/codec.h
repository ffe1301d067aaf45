// What a head or a delta looks like in a blob (SPEC 5). Sizes are a closed form of the shape, never of the
// values.
#pragma once
#include "bytefed/learning/head.h"

namespace bytefed {

// A codec's number on the wire; the others are rows of codec.cpp.
enum class Codec : uint8_t { kFloat32 = 0 };

bool known_codec(uint8_t codec);

// True if decode(encode(x)) may differ from x, so that the codec needs error feedback.
constexpr bool is_lossy(Codec codec) {
  return codec != Codec::kFloat32;
}

// Bytes of a blob of `count` parameters.
size_t blob_size(Codec codec, size_t count);

// Floats that codecs work on: the values, filled up to whole columns of 32.
constexpr size_t padded(size_t count) {
  return (count + 31) / 32 * 32;
}

// Floats that hold the largest blob of a lossy codec: int8's, or of a tiny head twobit's, 10 bytes.
constexpr size_t lossy_blob_floats(size_t count) {
  return count > 8 ? (count + 2 + 3) / 4 : 3;
}

// On entry `values` holds `count` finite values; on return it holds the encoding error, which is the input
// less what the blob decodes to. It has room for padded(count) floats, and `blob`, elsewhere, for
// blob_size(codec, count) bytes.
void encode(Codec codec, size_t count, uint32_t seed, float* values, uint8_t* blob);

// Writes the `count` values that a blob stands for; room as above. Any bytes are safe.
void decode(Codec codec, size_t count, uint32_t seed, const uint8_t* blob, float* values);

// Seeds of a codec's random draws.
uint32_t downlink_seed(uint16_t round);
uint32_t uplink_seed(uint32_t seed, uint16_t round);  // `seed` of CONFIG

}  // namespace bytefed
