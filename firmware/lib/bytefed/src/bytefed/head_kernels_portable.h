// The blocks of head_kernels.h in C++: loops of constant length over the classes, which compilers
// unroll and keep in registers. Each sum still runs over the features in order, so the bits are
// those of the plain loops.
#pragma once
#include "bytefed/head_kernels.h"

namespace bytefed {

template <size_t B, bool kDense>
void block_products(const float* W, size_t stride, const CentredFeatures& x, float* sums) {
  float block[B] = {};
  add_products(W, kDense ? B : stride, B, x, 0, block);
  for (size_t c = 0; c < B; ++c) sums[c] = block[c];
}

template <size_t B, bool kDense>
void block_rank_one(float* W, size_t stride, const CentredFeatures& x, const float* g) {
  float block[B];
  for (size_t c = 0; c < B; ++c) block[c] = g[c];
  add_rank_one(W, kDense ? B : stride, B, x, 0, block);
}

}  // namespace bytefed
