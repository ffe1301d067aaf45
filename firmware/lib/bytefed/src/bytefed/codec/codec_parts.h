// The parts that codecs share, and the functions that each codec's file has to provide.
#pragma once
#include <cstddef>

#include "bytefed/learning/exact_math.h"
#include "bytefed/learning/shuffle.h"

namespace bytefed {

// One codec: three functions as codec.h describes them. Each is a constant that codec.cpp lists.
struct CodecFunctions {
  size_t (*size)(size_t count);
  void (*encode)(size_t count, uint32_t seed, float* values, uint8_t* blob);
  void (*decode)(size_t count, uint32_t seed, const uint8_t* blob, float* values);
};

constexpr size_t kScaleSize = 2;  // a bfloat16 at the start of a blob

constexpr uint32_t kSignBit = 0x80000000u;

// The j-th 32 random bits of a blob.
inline uint32_t random_word(uint32_t seed, uint32_t j) {
  return mix32(seed + 0x9E3779B9u * j);
}

inline float magnitude(float value) {
  return float_from_bits(float_bits(value) & ~kSignBit);
}

// Writes a scale of at least 0, rounded to nearest, and returns what the other end reads.
inline float write_scale(float scale, uint8_t* blob) {
  const uint32_t bits = float_bits(scale);
  const uint16_t half = static_cast<uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
  std::memcpy(blob, &half, sizeof half);
  return float_from_bits(static_cast<uint32_t>(half) << 16);
}

inline float read_scale(const uint8_t* blob) {
  uint16_t half;
  std::memcpy(&half, blob, sizeof half);
  return float_from_bits(static_cast<uint32_t>(half) << 16);
}

}  // namespace bytefed
