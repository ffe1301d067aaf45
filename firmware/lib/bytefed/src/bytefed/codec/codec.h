// What a head or a delta looks like in a blob (SPEC 5). Sizes are a closed form of the shape, never of the
// values.
#pragma once
#include "bytefed/learning/head.h"

namespace bytefed {

enum class Codec : uint8_t {
  kFloat32 = 0,
  kInt8 = 1,
  kOneBit = 2,
  kTwoBit = 3,
  kSign = 4,
  kStc5 = 5,
  kStc10 = 6,
};

constexpr bool known_codec(uint8_t codec) {
  return codec <= static_cast<uint8_t>(Codec::kStc10);
}

// What of the values comes out differently at the other end, and so needs error feedback.
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

// On entry `values` has `count` finite values, on exit what the blob lacks of them. There is room for
// padded(count) floats. `blob` has blob_size(codec, count) bytes elsewhere.
void encode(Codec codec, size_t count, uint32_t seed, float* values, uint8_t* blob);

// Writes the `count` values that a blob stands for; room as above. Any bytes are safe.
void decode(Codec codec, size_t count, uint32_t seed, const uint8_t* blob, float* values);

// Seeds of what a codec draws.
uint32_t downlink_seed(uint16_t round);
uint32_t uplink_seed(uint32_t seed, uint16_t round);  // `seed` of CONFIG

}  // namespace bytefed
