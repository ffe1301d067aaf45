// Codecs of which sums can be taken without decoding: whole numbers in lanes, with a rotation and a step that
// all boards share (SPEC 11.2).
#pragma once
#include "bytefed/codec/codec.h"
#include "bytefed/privacy/noise_share.h"

namespace bytefed {

// A blob's parts: whole words first, then lanes.
struct SumLayout {
  size_t words, lanes;  // lanes: a multiple of 32, if they have fewer than 32 bits
  unsigned bits;        // of a lane: 1..kWidestLane, or 32

  size_t size() const { return sizeof(uint32_t) * words + lanes * bits / 8; }
};

constexpr size_t kSumWords = 5;  // at most: examples, size, loss, correct, test_correct
constexpr float kSizeUnit = 4096.0f, kLossUnit = 256.0f;  // size and loss are whole numbers of 1 / these

bool has_sums(uint8_t codec);
// Whether its lanes have room for noise: not if values are cut to a few levels before.
bool has_shares(uint8_t codec);

// Layout of the blob of `count` parameters, where `boards` are summed.
SumLayout sum_layout(Codec codec, size_t count, uint16_t boards, size_t words);

// Number of floats that hold the blob of a lossy codec with lanes of up to 14 bits: 64 boards with int8.
constexpr size_t sum_blob_floats(size_t count) {
  return kSumWords + padded(count) / 32 * 14;
}

// The numbers that all boards of a sum share.
struct SumScale {
  Codec codec;
  uint16_t boards;
  float step;
  uint32_t seed;  // of the rotation

  bool valid() const;  // whether the step is
};

// Writes the lanes of `count` finite values and returns the mean of all magnitudes. Leaves in `values` what
// the lanes lack, and has room as in encode(). With float32 the lanes are to be where the values are.
float encode_sum(const SumScale& scale, size_t count, float* values, uint8_t* lanes);

// Turns `count` values into the integers of a board that makes a share of the noise (SPEC 11.5), one for each
// lane and in their place: see IntegerSums. `key` is the noise's, and serves once.
void encode_share(const SumScale& scale, const NoisePlan& plan, size_t count, const uint8_t key[kKeySize],
                  float* values);
// Packs them into the lanes of a lossy codec, and leaves zeros: nothing of what the lanes lack is made up
// for.
void put_share(const SumLayout& layout, float* values, uint8_t* lanes);

// The largest value of a word: `boards` of them don't wrap around.
constexpr uint32_t largest_word(uint16_t boards) {
  return 0xFFFFFFFFu / boards;
}
// A value of at least 0 as a word.
uint32_t sum_word(float value, uint16_t boards);

}  // namespace bytefed
