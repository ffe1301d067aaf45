// What a head or a delta looks like in a blob (SPEC 5). Sizes are a closed form of the shape, never of the
// values.
#pragma once
#include "bytefed/head.h"

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

// Floats of working memory that encode and decode need, whatever the codec: room for the values, in rows of
// 32 columns, and behind them for the largest blob that can't be worked on in place.
constexpr size_t codec_workspace(size_t count) {
  return 34 * ((count + 31) / 32) + 1;
}

// Leaves the blob at the start of `work`. On entry `residual` has the `count` finite values to encode, on
// exit what the blob lacks of them. `work` has codec_workspace(count) floats, for codec float32 `count`.
void encode(Codec codec, size_t count, uint32_t seed, float* residual, float* work);

// On entry `work` starts with a blob, on exit with the `count` values it stands for. Any bytes are safe.
void decode(Codec codec, size_t count, uint32_t seed, float* work);

// Seeds of what a codec draws.
uint32_t downlink_seed(uint16_t round);
uint32_t uplink_seed(uint32_t seed, uint16_t round);  // `seed` of CONFIG

}  // namespace bytefed
