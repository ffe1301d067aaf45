// The loops of head_kernels.h for compilers that vectorize: a constant number of classes keeps the sums in
// registers. Each sum still runs over the features in order, so the bits are those of the plain loops.
#pragma once
#include "bytefed/learning/head_kernels.h"

namespace bytefed {

template <size_t C>
void whole_sums(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* sums) {
  const size_t features = shape.features;
  float own[C] = {};
  for (size_t i = 0; i < features; ++i, W += C) {
    const float x = centred(q[i], zero_point);
    for (size_t c = 0; c < C; ++c) own[c] += W[c] * x;
  }
  for (size_t c = 0; c < C; ++c) sums[c] = own[c];
}

template <size_t C>
void whole_update(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g) {
  const size_t features = shape.features;
  float own[C];
  for (size_t c = 0; c < C; ++c) own[c] = g[c];
  for (size_t i = 0; i < features; ++i, W += C) {
    const float x = centred(q[i], zero_point);
    for (size_t c = 0; c < C; ++c) W[c] += own[c] * x;
  }
}

template <size_t C>
constexpr Kernel kernel() {
  return {whole_sums<C>, whole_update<C>};
}

// Long rows vectorize as they are.
inline void large_sums(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* sums) {
  weighted_sums_plain(W, q, zero_point, shape, sums);
}
inline void large_update(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g) {
  rank_one_update_plain(W, q, zero_point, shape, g);
}

}  // namespace bytefed
