// The two loops over the weights as plain C++, and definitions that both tuned versions share:
// head_kernels_m4f.h for boards, head_kernels_portable.h for everything else. Each offers
//
//   kernel<C>()                  for a head of C classes, 2 to kMostInRegisters
//   large_sums, large_update     for more classes
//
// all with the signatures of weighted_sums and rank_one_update, and the bits of the plain loops.
#pragma once
#include "bytefed/exact_arithmetic.h"
#include "bytefed/learning/head.h"

namespace bytefed {

constexpr size_t kMostInRegisters = 10;  // the most classes whose sums or steps all stay in registers

struct Kernel {
  decltype(&weighted_sums) sums;
  decltype(&rank_one_update) update;
};

// A feature as a number: exact, since the difference has at most 9 bits.
inline float centred(int8_t q, int8_t zero_point) {
  return static_cast<float>(static_cast<int32_t>(q) - static_cast<int32_t>(zero_point));
}

// sums[c] += W[i][c] * x[i], from feature `first` on, for the first `classes` columns of W.
inline void add_products(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, size_t classes,
                         size_t first, float* sums) {
  for (size_t i = first; i < shape.features; ++i) {
    const float x = centred(q[i], zero_point);
    for (size_t c = 0; c < classes; ++c) sums[c] += W[i * shape.classes + c] * x;
  }
}

// W[i][c] += g[c] * x[i], from feature `first` on, for the first `classes` columns of W.
inline void add_rank_one(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, size_t classes,
                         size_t first, const float* g) {
  for (size_t i = first; i < shape.features; ++i) {
    const float x = centred(q[i], zero_point);
    for (size_t c = 0; c < classes; ++c) W[i * shape.classes + c] += g[c] * x;
  }
}

}  // namespace bytefed
