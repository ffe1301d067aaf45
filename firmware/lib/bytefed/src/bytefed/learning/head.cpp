#include "bytefed/learning/head.h"

#include <cstring>

#include "bytefed/assert.h"
#include "bytefed/learning/exact_math.h"

namespace bytefed {

void logits(const float* head, const int8_t* q, Quantization quantization, HeadShape shape, float* z) {
  weighted_sums(head, q, quantization.zero_point, shape, z);
  const float* bias = head + shape.weights();
  for (size_t c = 0; c < shape.classes; ++c) z[c] = bias[c] + quantization.scale * z[c];
}

size_t argmax(const float* z, size_t classes) {
  size_t best = 0;
  for (size_t c = 1; c < classes; ++c) {
    if (z[c] > z[best]) best = c;
  }
  return best;
}

SampleLoss softmax_gradient(float* z, size_t classes, uint8_t label, float rate) {
  BYTEFED_ASSERT(label < classes);
  const size_t predicted = argmax(z, classes);
  const float largest = z[predicted];
  const float margin = z[label] - largest;
  float sum = 0.0f;
  for (size_t c = 0; c < classes; ++c) {
    z[c] = exact_exp(z[c] - largest);
    sum += z[c];
  }
  const float k = rate / sum;
  const float label_gradient = rate - z[label] * k;
  for (size_t c = 0; c < classes; ++c) z[c] = 0.0f - z[c] * k;
  z[label] = label_gradient;
  return {exact_log(sum) - margin, predicted == label};
}

void apply_gradient(float* head, const int8_t* q, Quantization quantization, HeadShape shape, float* g) {
  float* bias = head + shape.weights();
  for (size_t c = 0; c < shape.classes; ++c) {
    const float step = g[c];
    bias[c] += step;
    g[c] = step * quantization.scale;
  }
  rank_one_update(head, q, quantization.zero_point, shape, g);
}

bool all_finite(const float* values, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!is_finite(values[i])) return false;
  }
  return true;
}

bool all_zero(const float* values, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (values[i] != 0.0f) return false;
  }
  return true;
}

// A row is the weights of a feature; the biases are one row more. Rows that move apart are moved from the
// last on, rows that move together from the first on, so that none is overwritten before it has moved.
void resize_head(float* head, HeadShape from, HeadShape to) {
  BYTEFED_ASSERT(from.features == to.features);
  const size_t rows = static_cast<size_t>(from.features) + 1;
  const bool grows = to.classes > from.classes;
  const size_t kept = grows ? from.classes : to.classes;
  for (size_t k = 0; k < rows; ++k) {
    const size_t row = grows ? rows - 1 - k : k;
    float* const place = head + row * to.classes;
    std::memmove(place, head + row * from.classes, sizeof(float) * kept);
    for (size_t c = kept; c < to.classes; ++c) place[c] = 0.0f;
  }
}

}  // namespace bytefed
