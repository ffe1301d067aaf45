// What onebit and twobit share (SPEC 5.3): a seeded rotation that makes any values look normally distributed,
// levels to cut them to, and the way back.
#pragma once
#include "bytefed/codec_parts.h"

namespace bytefed {

// How rotated values become bits.
struct Levels {
  size_t bits;  // per value
  // Replaces each of the n values x by its level; returns the scale that fits best. n is a multiple of 32.
  float (*cut)(float* x, size_t n, uint8_t* out);
  void (*read)(const uint8_t* in, size_t n, float* x);
};

size_t rotated_size(const Levels& levels, size_t count);
void encode_rotated(const Levels& levels, size_t count, uint32_t seed, float* residual, float* work);
void decode_rotated(const Levels& levels, size_t count, uint32_t seed, float* work);

}  // namespace bytefed
