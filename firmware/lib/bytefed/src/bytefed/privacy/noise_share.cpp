#include "bytefed/privacy/noise_share.h"

#include <cmath>

#include "bytefed/learning/exact_math.h"

namespace bytefed {
namespace {

constexpr float kSmaller = 0.984375f;  // 1 - 2^-6, exactly

// |value * f| is at most 2^18, or nearly.
int32_t rounded(float value, float f) {
  const float y = value * f + 0.5f;
  const int32_t whole = static_cast<int32_t>(y);
  return static_cast<float>(whole) > y ? whole - 1 : whole;
}

uint64_t rounded_square(const float* values, size_t count, float f) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const int64_t y = rounded(values[i], f);
    sum += static_cast<uint64_t>(y * y);
  }
  return sum;
}

}  // namespace

uint16_t least_survivors(uint16_t boards) {
  return static_cast<uint16_t>(boards - boards / 4);
}

// Rounding adds a little to the norm, and floats are nearly right: so the factor is made smaller until the
// integers, which alone leave the board, keep the bound.
void bound(float* values, size_t count, float step, uint8_t grid) {
  float square = 0.0f;
  for (size_t i = 0; i < count; ++i) square += values[i] * values[i];
  const float root = std::sqrt(square), inverse = 1.0f / step, norm = root * inverse;
  if (!(is_finite(norm) && norm > 0.0f)) return IntegerSums(values).clear(count);
  const float delta = static_cast<float>(1u << grid);
  float f = norm <= delta ? inverse : delta / root;
  const uint64_t most = static_cast<uint64_t>(1) << (2 * grid);
  while (rounded_square(values, count, f) > most) f *= kSmaller;
  for (size_t i = 0; i < count; ++i) {
    const int32_t whole = rounded(values[i], f);
    std::memcpy(values + i, &whole, sizeof whole);
  }
}

}  // namespace bytefed
