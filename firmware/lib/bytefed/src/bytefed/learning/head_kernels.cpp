// Hands each head to the loop made for its number of classes.
#include "bytefed/learning/head_kernels.h"

#include "bytefed/assert.h"

#if defined(__ARM_ARCH_7EM__) && defined(__ARM_FP)
#include "bytefed/learning/head_kernels_m4f.h"
#else
#include "bytefed/learning/head_kernels_portable.h"
#endif

namespace bytefed {
namespace {

// An image for few heads has no loops for other heads: in their places stands a loop that it has anyway.
constexpr size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}
constexpr size_t nearest(size_t classes) {
  return classes < kMinClasses ? smaller(kMinClasses, kMostInRegisters) : smaller(classes, kMaxClasses);
}

// Indexed by the number of classes, from two on.
constexpr Kernel kKernels[] = {kernel<nearest(2)>(), kernel<nearest(3)>(), kernel<nearest(4)>(),
                               kernel<nearest(5)>(), kernel<nearest(6)>(), kernel<nearest(7)>(),
                               kernel<nearest(8)>(), kernel<nearest(9)>(), kernel<nearest(10)>()};

bool is_large(HeadShape shape) {
  return kMaxClasses > kMostInRegisters && shape.classes > kMostInRegisters;
}

}  // namespace

void weighted_sums(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* acc) {
  BYTEFED_ASSERT(shape.valid());
  if (is_large(shape)) return large_sums(W, q, zero_point, shape, acc);
  kKernels[shape.classes - 2].sums(W, q, zero_point, shape, acc);
}

void rank_one_update(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g) {
  BYTEFED_ASSERT(shape.valid());
  if (is_large(shape)) return large_update(W, q, zero_point, shape, g);
  kKernels[shape.classes - 2].update(W, q, zero_point, shape, g);
}

void weighted_sums_plain(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* acc) {
  for (size_t c = 0; c < shape.classes; ++c) acc[c] = 0.0f;
  add_products(W, q, zero_point, shape, shape.classes, 0, acc);
}

void rank_one_update_plain(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g) {
  add_rank_one(W, q, zero_point, shape, shape.classes, 0, g);
}

}  // namespace bytefed
