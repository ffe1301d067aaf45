// The two loops over the weights, for a block of neighbouring classes: `W` and `sums` or `g` point at the
// block's first class, `shape` is the whole head's, and so rows of W begin shape.classes floats apart.
#pragma once
#include "bytefed/head.h"

namespace bytefed {

// A feature as a number: exact, since the difference has at most 9 bits.
inline float centred(int8_t q, int8_t zero_point) {
  return static_cast<float>(static_cast<int32_t>(q) - static_cast<int32_t>(zero_point));
}

// sums[c] += W[i][c] * x[i], from feature `first` on, for c below `classes`.
inline void add_products(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, size_t classes,
                         size_t first, float* sums) {
  for (size_t i = first; i < shape.features; ++i) {
    const float x = centred(q[i], zero_point);
    for (size_t c = 0; c < classes; ++c) sums[c] += W[i * shape.classes + c] * x;
  }
}

// W[i][c] += g[c] * x[i], from feature `first` on, for c below `classes`.
inline void add_rank_one(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, size_t classes,
                         size_t first, const float* g) {
  for (size_t i = first; i < shape.features; ++i) {
    const float x = centred(q[i], zero_point);
    for (size_t c = 0; c < classes; ++c) W[i * shape.classes + c] += g[c] * x;
  }
}

// What a tuned block has to offer: weighted_sums and rank_one_update for B classes, whose sums or steps stay
// in registers. kWhole says that the block is the whole head.
constexpr size_t kLargestBlock = 10;

}  // namespace bytefed
