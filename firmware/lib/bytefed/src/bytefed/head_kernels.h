// The two loops over the weights, for a block of neighbouring classes: the columns of W from some
// class on, so that rows begin `stride` floats apart.
#pragma once
#include "bytefed/head.h"

namespace bytefed {

// The features of one sample: x[i] = q[i] - zero_point, exact, since it has at most 9 bits.
struct CentredFeatures {
  const int8_t* q;
  int8_t zero_point;
  size_t count;

  float operator[](size_t i) const {
    return static_cast<float>(static_cast<int32_t>(q[i]) - static_cast<int32_t>(zero_point));
  }
};

// sums[c] += W[i][c] * x[i], from feature `first` on.
inline void add_products(const float* W, size_t stride, size_t classes, const CentredFeatures& x,
                         size_t first, float* sums) {
  for (size_t i = first; i < x.count; ++i) {
    for (size_t c = 0; c < classes; ++c) sums[c] += W[i * stride + c] * x[i];
  }
}

// W[i][c] += g[c] * x[i], from feature `first` on.
inline void add_rank_one(float* W, size_t stride, size_t classes, const CentredFeatures& x, size_t first,
                         const float* g) {
  for (size_t i = first; i < x.count; ++i) {
    for (size_t c = 0; c < classes; ++c) W[i * stride + c] += g[c] * x[i];
  }
}

// What a tuned block offers: the same two, for B classes whose sums or steps stay in registers.
// kDense says that the rows have no other classes: stride == B.
constexpr size_t kLargestBlock = 10;

}  // namespace bytefed
