#include "bytefed/rotated.h"

namespace bytefed {
namespace {

constexpr size_t kRows = 32;

size_t columns_of(size_t count) {
  return (count + kRows - 1) / kRows;
}

// to[i] = from[i] * gain, or minus that where the seed says so. `to` may be `from`.
void flip_signs(const float* from, size_t count, uint32_t seed, float gain, float* to) {
  uint32_t word = 0;
  for (size_t i = 0; i < count; ++i, word >>= 1) {
    if (i % 32 == 0) word = random_word(seed, static_cast<uint32_t>(i / 32));
    to[i] = float_from_bits(float_bits(from[i] * gain) ^ word << 31);
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

void values_of_levels(size_t count, uint32_t seed, float scale, float* work) {
  mix(work, columns_of(count));
  flip_signs(work, count, seed, scale / static_cast<float>(kRows), work);
}

}  // namespace

size_t rotated_size(const Levels& levels, size_t count) {
  return kScaleSize + kRows / 8 * columns_of(count) * levels.bits;
}

// The blob is made behind the values and moved to the front when they are no longer needed.
void encode_rotated(const Levels& levels, size_t count, uint32_t seed, float* residual, float* work) {
  const size_t columns = columns_of(count), mixed = kRows * columns;
  uint8_t* blob = reinterpret_cast<uint8_t*>(work + mixed);
  for (size_t i = count; i < mixed; ++i) work[i] = 0.0f;
  flip_signs(residual, count, seed, 1.0f, work);
  mix(work, columns);
  const float scale = write_scale(levels.cut(work, mixed, blob + kScaleSize), blob);
  values_of_levels(count, seed, scale, work);
  for (size_t i = 0; i < count; ++i) residual[i] -= work[i];
  std::memmove(work, blob, rotated_size(levels, count));
}

void decode_rotated(const Levels& levels, size_t count, uint32_t seed, float* work) {
  const size_t mixed = kRows * columns_of(count);
  uint8_t* blob = reinterpret_cast<uint8_t*>(work + mixed);
  std::memmove(blob, work, rotated_size(levels, count));
  levels.read(blob + kScaleSize, mixed, work);
  values_of_levels(count, seed, read_scale(blob), work);
}

}  // namespace bytefed
