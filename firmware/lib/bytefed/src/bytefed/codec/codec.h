// Codecs write a head or a delta as a blob (SPEC 5). Sizes depend only on the shape, never on the values.
#pragma once
#include "bytefed/learning/head.h"

namespace bytefed {

// A codec's number on the wire; the others are rows of codec.cpp.
enum class Codec : uint8_t { kFloat32 = 0 };

bool known_codec(uint8_t codec);

// True if decode(encode(x)) != x, so error feedback is needed.
constexpr bool is_lossy(Codec codec) {
  return codec != Codec::kFloat32;
}

// Size in bytes of the blob of `count` parameters.
size_t blob_size(Codec codec, size_t count);

// Number of floats that codecs work on: the values, padded to whole columns of 32.
constexpr size_t padded(size_t count) {
  return (count + 31) / 32 * 32;
}

// Number of floats that hold the largest blob of a lossy codec: int8's, or twobit's 10 bytes if the head is
// tiny.
constexpr size_t lossy_blob_floats(size_t count) {
  return count > 8 ? (count + 2 + 3) / 4 : 3;
}

// On entry `values` holds `count` finite values; on return it holds the encoding error, which is the input
// less what the blob decodes to. It has room for padded(count) floats, and `blob`, elsewhere, for
// blob_size(codec, count) bytes.
void encode(Codec codec, size_t count, uint32_t seed, float* values, uint8_t* blob);

// Writes the `count` values that a blob stands for; `values` has room as in encode(). Any bytes are safe.
void decode(Codec codec, size_t count, uint32_t seed, const uint8_t* blob, float* values);

// Seeds of the random numbers that a codec draws.
uint32_t downlink_seed(uint16_t round);
uint32_t uplink_seed(uint32_t seed, uint16_t round);  // `seed` of CONFIG

}  // namespace bytefed
