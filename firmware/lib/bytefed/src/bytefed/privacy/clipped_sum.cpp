#include "bytefed/privacy/clipped_sum.h"

#include <cmath>

#include "bytefed/learning/exact_math.h"

namespace bytefed {
namespace {

constexpr float kLargestBias = 32767.0f;

uint64_t square_sum(const int32_t* a, size_t count) {
  uint64_t sum = 0;
  for (size_t c = 0; c < count; ++c) sum += static_cast<uint64_t>(static_cast<int64_t>(a[c]) * a[c]);
  return sum;
}

// The squared norm of a sample's features and of its bias' feature, in integers.
uint32_t feature_square(const Sample& sample, int8_t zero_point, uint16_t features, uint32_t bias) {
  uint32_t sum = bias * bias;
  for (size_t i = 0; i < features; ++i) {
    const int32_t x = sample.features[i] - zero_point;
    sum += static_cast<uint32_t>(x * x);
  }
  return sum;
}

// g * f as integers, in z's place and in `a`; zeros where that is no number, or none that fits.
void to_grid(const float* g, size_t classes, float f, float delta, int32_t* a) {
  for (size_t c = 0; c < classes; ++c) {
    const float value = g[c] * f;
    if (!(value <= delta && value >= -delta)) {
      std::memset(a, 0, sizeof(int32_t) * classes);
      return;
    }
    a[c] = static_cast<int32_t>(value);
  }
}

}  // namespace

uint32_t bias_value(float scale) {
  const float value = 1.0f / scale;
  if (!(value > 1.0f)) return 1;
  if (!(value < kLargestBias)) return static_cast<uint32_t>(kLargestBias);
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest integer
  return float_bits(value + magic) - float_bits(magic);
}

// One step each, not a factor: floats were nearly right, so this ends soon.
void shrink(int32_t* a, size_t count, uint64_t most) {
  while (square_sum(a, count) > most) {
    for (size_t c = 0; c < count; ++c) a[c] -= (a[c] > 0) - (a[c] < 0);
  }
}

void add_clipped(const float* head, const Sample& sample, Quantization quantization, HeadShape shape,
                 Clipping clipping, float* z, int32_t* a, IntegerSums sums) {
  logits(head, sample.features, quantization, shape, z);
  softmax_gradient(z, shape.classes, sample.label, 1.0f);
  float square = 0.0f;
  for (size_t c = 0; c < shape.classes; ++c) square += z[c] * z[c];
  const uint32_t bias = bias_value(quantization.scale);
  const uint32_t X = feature_square(sample, quantization.zero_point, shape.features, bias);
  const float norm = std::sqrt(square * static_cast<float>(X));
  if (!(is_finite(norm) && norm > 0.0f)) return;
  const float delta = clipping.delta();
  const float whole = (quantization.scale * delta) / clipping.clip;
  to_grid(z, shape.classes, norm * whole <= delta ? whole : delta / norm, delta, a);
  // Floats may be wrong by their rounding; the bound is not.
  const uint64_t most = static_cast<uint64_t>(1) << (2 * clipping.grid);
  shrink(a, shape.classes, most / X);

  size_t at = 0;
  for (size_t i = 0; i < shape.features; ++i) {
    const int32_t x = sample.features[i] - quantization.zero_point;
    for (size_t c = 0; c < shape.classes; ++c) sums.add(at++, static_cast<uint32_t>(a[c] * x));
  }
  for (size_t c = 0; c < shape.classes; ++c) {
    sums.add(at++, static_cast<uint32_t>(a[c]) * bias);
  }
}

}  // namespace bytefed
