// The blocks of head_kernels.h in C++: loops of constant length over the classes, which compilers unroll and
// keep in registers. Each sum still runs over the features in order, so the bits are those of the plain
// loops.
#pragma once
#include "bytefed/head_kernels.h"

namespace bytefed {

template <size_t B, bool kWhole>
void block_sums(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* sums) {
  if (kWhole) shape.classes = B;  // known when compiling
  float block[B] = {};
  add_products(W, q, zero_point, shape, B, 0, block);
  for (size_t c = 0; c < B; ++c) sums[c] = block[c];
}

template <size_t B, bool kWhole>
void block_update(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g) {
  if (kWhole) shape.classes = B;
  float block[B];
  for (size_t c = 0; c < B; ++c) block[c] = g[c];
  add_rank_one(W, q, zero_point, shape, B, 0, block);
}

}  // namespace bytefed
