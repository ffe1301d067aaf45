// Splits the classes into blocks and hands each to the loop made for its size.
#include "bytefed/head_kernels.h"

#if defined(__ARM_ARCH_7EM__) && defined(__ARM_FP)
#include "bytefed/head_kernels_m4f.h"
#else
#include "bytefed/head_kernels_portable.h"
#endif

namespace bytefed {
namespace {

struct Block {
  decltype(&weighted_sums) sums;
  decltype(&rank_one_update) update;
};

template <size_t B, bool kWhole>
constexpr Block block() {
  return {block_sums<B, kWhole>, block_update<B, kWhole>};
}

// A head of up to kLargestBlock classes is one block. More classes are split evenly, so that no block is
// smaller than half the largest.
constexpr Block kWholeHeads[] = {block<2, true>(), block<3, true>(), block<4, true>(),
                                 block<5, true>(), block<6, true>(), block<7, true>(),
                                 block<8, true>(), block<9, true>(), block<10, true>()};
constexpr Block kParts[] = {block<5, false>(), block<6, false>(), block<7, false>(),
                            block<8, false>(), block<9, false>(), block<10, false>()};

constexpr bool is_one_block(HeadShape shape) {
  return kMaxClasses <= kLargestBlock || shape.classes <= kLargestBlock;
}

template <typename Visit>
void for_each_part(size_t classes, Visit visit) {
  size_t parts = (classes + kLargestBlock - 1) / kLargestBlock;
  for (size_t first = 0; first < classes; --parts) {
    const size_t size = (classes - first) / parts;
    visit(kParts[size - 5], first);
    first += size;
  }
}

__attribute__((noinline)) void sums_in_parts(const float* W, const int8_t* q, int8_t zero_point,
                                             HeadShape shape, float* acc) {
  for_each_part(shape.classes, [=](const Block& part, size_t first) {
    part.sums(W + first, q, zero_point, shape, acc + first);
  });
}

__attribute__((noinline)) void update_in_parts(float* W, const int8_t* q, int8_t zero_point, HeadShape shape,
                                               const float* g) {
  for_each_part(shape.classes, [=](const Block& part, size_t first) {
    part.update(W + first, q, zero_point, shape, g + first);
  });
}

}  // namespace

void weighted_sums(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* acc) {
  if (!is_one_block(shape)) return sums_in_parts(W, q, zero_point, shape, acc);
  kWholeHeads[shape.classes - 2].sums(W, q, zero_point, shape, acc);
}

void rank_one_update(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g) {
  if (!is_one_block(shape)) return update_in_parts(W, q, zero_point, shape, g);
  kWholeHeads[shape.classes - 2].update(W, q, zero_point, shape, g);
}

void weighted_sums_plain(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* acc) {
  for (size_t c = 0; c < shape.classes; ++c) acc[c] = 0.0f;
  add_products(W, q, zero_point, shape, shape.classes, 0, acc);
}

void rank_one_update_plain(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g) {
  add_rank_one(W, q, zero_point, shape, shape.classes, 0, g);
}

}  // namespace bytefed
