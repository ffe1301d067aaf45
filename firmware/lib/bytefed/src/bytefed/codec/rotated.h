// Shared by onebit, twobit (SPEC 5.3) and sums (SPEC 11.2): a seeded rotation that makes any values look
// normally distributed, levels to cut them to, and the way back.
#pragma once
#include "bytefed/codec/codec.h"
#include "bytefed/codec/codec_parts.h"

namespace bytefed {

// The functions that turn rotated values into bits and back; the bits follow the scale in a blob. n is 32,
// 64, ...
struct Levels {
  size_t bits;                                                // per value
  void (*cut)(float* x, size_t n, uint8_t* blob);             // leaves the encoding error in x
  void (*read)(const uint8_t* blob, size_t n, float* level);  // not yet times the scale
};

// Rotates `count` values to padded(count) of them, and back times `gain`.
void rotate(size_t count, uint32_t seed, float* values);
void rotate_back(size_t count, uint32_t seed, float gain, float* values);

size_t rotated_size(const Levels& levels, size_t count);
void encode_rotated(const Levels& levels, size_t count, uint32_t seed, float* values, uint8_t* blob);
void decode_rotated(const Levels& levels, size_t count, uint32_t seed, const uint8_t* blob, float* values);

// The codec that cuts to those levels. Each needs a name of its own, even in an unnamed namespace: GCC 14.2
// lets the linker merge functions that were made for constants of the same name in different files.
template <const Levels& levels>
struct Rotated {
  static size_t size(size_t count) { return rotated_size(levels, count); }
  static void encode(size_t count, uint32_t seed, float* values, uint8_t* blob) {
    encode_rotated(levels, count, seed, values, blob);
  }
  static void decode(size_t count, uint32_t seed, const uint8_t* blob, float* values) {
    decode_rotated(levels, count, seed, blob, values);
  }
};

}  // namespace bytefed
