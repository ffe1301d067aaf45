#include "bytefed/codec/rotated.h"

namespace bytefed {
namespace {

constexpr size_t kRows = 32;
constexpr float kUnmix = 1.0f / kRows;  // exact

size_t columns_of(size_t count) {
  return (count + kRows - 1) / kRows;
}

// Multiplies each value by `gain`, or by -gain where the seed says so.
void flip_signs(float* values, size_t count, uint32_t seed, float gain) {
  const float* end = values + count;
  for (uint32_t j = 0; values < end; ++j) {
    const float* stop = end - values < 32 ? end : values + 32;
    for (uint32_t word = random_word(seed, j); values != stop; ++values, word >>= 1) {
      *values = float_from_bits(float_bits(*values * gain) ^ word << 31);
    }
  }
}

inline void butterfly(float& a, float& b) {
  const float difference = a - b;
  a += b;
  b = difference;
}

// One step of the fast transform for rows 0 .. 3 of x, `stride` apart: h = 1, then h = 2.
inline void mix_four(float* x, size_t stride) {
  float a = x[0], b = x[stride], c = x[2 * stride], d = x[3 * stride];
  butterfly(a, b);
  butterfly(c, d);
  butterfly(a, c);
  butterfly(b, d);
  x[0] = a;
  x[stride] = b;
  x[2 * stride] = c;
  x[3 * stride] = d;
}

// Three steps for eight rows: h = 1, 2, 4. Doing them at once saves loads and stores.
inline void mix_eight(float* x, size_t stride) {
  float a = x[0], b = x[stride], c = x[2 * stride], d = x[3 * stride];
  float* y = x + 4 * stride;
  float e = y[0], f = y[stride], g = y[2 * stride], h = y[3 * stride];
  butterfly(a, b);
  butterfly(c, d);
  butterfly(e, f);
  butterfly(g, h);
  butterfly(a, c);
  butterfly(b, d);
  butterfly(e, g);
  butterfly(f, h);
  butterfly(a, e);
  butterfly(b, f);
  butterfly(c, g);
  butterfly(d, h);
  x[0] = a;
  x[stride] = b;
  x[2 * stride] = c;
  x[3 * stride] = d;
  y[0] = e;
  y[stride] = f;
  y[2 * stride] = g;
  y[3 * stride] = h;
}

// Multiplies each column of x by the Hadamard matrix. Twice is 32 times the identity. Parameters of one
// column lie as far apart as possible, so that those of one feature don't share a scale.
void mix(float* x, size_t columns) {
  for (size_t row = 0; row < kRows; row += 8) {
    for (size_t i = 0; i < columns; ++i) mix_eight(x + row * columns + i, columns);
  }
  for (size_t i = 0; i < 8 * columns; ++i) mix_four(x + i, 8 * columns);
}

}  // namespace

size_t rotated_size(const Levels& levels, size_t count) {
  return kScaleSize + kRows / 8 * columns_of(count) * levels.bits;
}

void rotate(size_t count, uint32_t seed, float* values) {
  const size_t columns = columns_of(count);
  for (size_t i = count; i < kRows * columns; ++i) values[i] = 0.0f;
  flip_signs(values, count, seed, 1.0f);
  mix(values, columns);
}

void rotate_back(size_t count, uint32_t seed, float gain, float* values) {
  mix(values, columns_of(count));
  flip_signs(values, count, seed, gain * kUnmix);
}

void encode_rotated(const Levels& levels, size_t count, uint32_t seed, float* values, uint8_t* blob) {
  rotate(count, seed, values);
  levels.cut(values, padded(count), blob);
  rotate_back(count, seed, 1.0f, values);
}

void decode_rotated(const Levels& levels, size_t count, uint32_t seed, const uint8_t* blob, float* values) {
  levels.read(blob, padded(count), values);
  rotate_back(count, seed, read_scale(blob), values);
}

}  // namespace bytefed
