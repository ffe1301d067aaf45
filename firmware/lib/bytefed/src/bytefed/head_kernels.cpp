// The two loops over the weights. For the usual numbers of classes the inner loop has a constant
// length, so that compilers keep the sums in registers; each sum still runs over i ascending, so
// the bits are those of the plain loops.
#include "bytefed/head.h"

namespace bytefed {
namespace {

inline float centred(int8_t q, int8_t zero_point) {
  return static_cast<float>(static_cast<int32_t>(q) - static_cast<int32_t>(zero_point));
}

template <size_t C>
void weighted_sums_of(const float* W, const int8_t* q, int8_t zero_point, size_t features,
                      float* acc) {
  float sums[C] = {};
  for (size_t i = 0; i < features; ++i, W += C) {
    const float x = centred(q[i], zero_point);
    for (size_t c = 0; c < C; ++c) sums[c] += W[c] * x;
  }
  for (size_t c = 0; c < C; ++c) acc[c] = sums[c];
}

template <size_t C>
void rank_one_update_of(float* W, const int8_t* q, int8_t zero_point, size_t features,
                        const float* g) {
  float step[C];
  for (size_t c = 0; c < C; ++c) step[c] = g[c];
  for (size_t i = 0; i < features; ++i, W += C) {
    const float x = centred(q[i], zero_point);
    for (size_t c = 0; c < C; ++c) W[c] += step[c] * x;
  }
}

}  // namespace

void weighted_sums_plain(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape,
                         float* acc) {
  for (size_t c = 0; c < shape.classes; ++c) acc[c] = 0.0f;
  for (size_t i = 0; i < shape.features; ++i) {
    const float x = centred(q[i], zero_point);
    for (size_t c = 0; c < shape.classes; ++c) acc[c] += W[i * shape.classes + c] * x;
  }
}

void rank_one_update_plain(float* W, const int8_t* q, int8_t zero_point, HeadShape shape,
                           const float* g) {
  for (size_t i = 0; i < shape.features; ++i) {
    const float x = centred(q[i], zero_point);
    for (size_t c = 0; c < shape.classes; ++c) W[i * shape.classes + c] += g[c] * x;
  }
}

void weighted_sums(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape,
                   float* acc) {
  switch (shape.classes) {
    case 2:
      return weighted_sums_of<2>(W, q, zero_point, shape.features, acc);
    case 4:
      return weighted_sums_of<4>(W, q, zero_point, shape.features, acc);
    case 10:
      return weighted_sums_of<10>(W, q, zero_point, shape.features, acc);
    default:
      return weighted_sums_plain(W, q, zero_point, shape, acc);
  }
}

void rank_one_update(float* W, const int8_t* q, int8_t zero_point, HeadShape shape,
                     const float* g) {
  switch (shape.classes) {
    case 2:
      return rank_one_update_of<2>(W, q, zero_point, shape.features, g);
    case 4:
      return rank_one_update_of<4>(W, q, zero_point, shape.features, g);
    case 10:
      return rank_one_update_of<10>(W, q, zero_point, shape.features, g);
    default:
      return rank_one_update_plain(W, q, zero_point, shape, g);
  }
}

}  // namespace bytefed
