#include "bytefed/rotated.h"

namespace bytefed {
namespace {

constexpr size_t kRows = 32;
constexpr float kUnmix = 1.0f / kRows;  // exact

size_t columns_of(size_t count) {
  return (count + kRows - 1) / kRows;
}

// Multiplies each value by `gain`, or by -gain where the seed says so.
void flip_signs(float* values, size_t count, uint32_t seed, float gain) {
  uint32_t word = 0;
  for (size_t i = 0; i < count; ++i, word >>= 1) {
    if (i % 32 == 0) word = random_word(seed, static_cast<uint32_t>(i / 32));
    values[i] = float_from_bits(float_bits(values[i] * gain) ^ word << 31);
  }
}

// Two steps of the fast transform at once, which halves the loads and stores: rows r, r + h, r + 2h, r + 3h,
// where `span` is the size of h rows.
void mix_fours(float* x, size_t span, const float* end) {
  for (; x != end; x += 3 * span) {
    for (const float* block_end = x + span; x != block_end; ++x) {
      const float a = x[0] + x[span], b = x[0] - x[span];
      const float c = x[2 * span] + x[3 * span], d = x[2 * span] - x[3 * span];
      x[0] = a + c;
      x[span] = b + d;
      x[2 * span] = a - c;
      x[3 * span] = b - d;
    }
  }
}

// Multiplies each column of x by the Hadamard matrix. Twice is 32 times the identity. Parameters of one
// column lie as far apart as possible, so that those of one feature don't share a scale.
void mix(float* x, size_t columns) {
  const float* end = x + kRows * columns;
  mix_fours(x, columns, end);
  mix_fours(x, 4 * columns, end);
  const size_t half = kRows / 2 * columns;
  for (size_t i = 0; i < half; ++i) {
    const float a = x[i], b = x[i + half];
    x[i] = a + b;
    x[i + half] = a - b;
  }
}

}  // namespace

size_t rotated_size(const Levels& levels, size_t count) {
  return kScaleSize + kRows / 8 * columns_of(count) * levels.bits;
}

void encode_rotated(const Levels& levels, size_t count, uint32_t seed, float* values, uint8_t* blob) {
  const size_t columns = columns_of(count), mixed = kRows * columns;
  for (size_t i = count; i < mixed; ++i) values[i] = 0.0f;
  flip_signs(values, count, seed, 1.0f);
  mix(values, columns);
  levels.cut(values, mixed, blob);
  mix(values, columns);
  flip_signs(values, count, seed, kUnmix);
}

void decode_rotated(const Levels& levels, size_t count, uint32_t seed, const uint8_t* blob, float* values) {
  const size_t columns = columns_of(count);
  levels.read(blob, kRows * columns, values);
  mix(values, columns);
  flip_signs(values, count, seed, read_scale(blob) * kUnmix);
}

}  // namespace bytefed
