// Hands each head to the loop made for its number of classes.
#include "bytefed/head_kernels.h"

#if defined(__ARM_ARCH_7EM__) && defined(__ARM_FP)
#include "bytefed/head_kernels_m4f.h"
#else
#include "bytefed/head_kernels_portable.h"
#endif

namespace bytefed {
namespace {

// From two classes on.
constexpr Kernel kKernels[] = {kernel<2>(), kernel<3>(), kernel<4>(), kernel<5>(), kernel<6>(),
                               kernel<7>(), kernel<8>(), kernel<9>(), kernel<10>()};

bool is_large(HeadShape shape) {
  return kMaxClasses > kMostInRegisters && shape.classes > kMostInRegisters;
}

}  // namespace

void weighted_sums(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* acc) {
  if (is_large(shape)) return large_sums(W, q, zero_point, shape, acc);
  kKernels[shape.classes - 2].sums(W, q, zero_point, shape, acc);
}

void rank_one_update(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g) {
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
