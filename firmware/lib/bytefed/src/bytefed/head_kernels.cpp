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
  void (*products)(const float* W, size_t stride, const CentredFeatures& x, float* sums);
  void (*rank_one)(float* W, size_t stride, const CentredFeatures& x, const float* g);
};

template <size_t B, bool kDense>
constexpr Block block() {
  return {block_products<B, kDense>, block_rank_one<B, kDense>};
}

// A head of up to kLargestBlock classes is one block. More classes are split evenly, so that no
// block is smaller than half the largest.
constexpr Block kDenseBlocks[] = {block<2, true>(), block<3, true>(), block<4, true>(),
                                  block<5, true>(), block<6, true>(), block<7, true>(),
                                  block<8, true>(), block<9, true>(), block<10, true>()};
constexpr Block kSplitBlocks[] = {block<5, false>(), block<6, false>(), block<7, false>(),
                                  block<8, false>(), block<9, false>(), block<10, false>()};

template <typename Visit>
void for_each_block(size_t classes, Visit visit) {
  if (classes <= kLargestBlock) return visit(kDenseBlocks[classes - 2], 0);
  size_t blocks = (classes + kLargestBlock - 1) / kLargestBlock;
  for (size_t first = 0; first < classes; --blocks) {
    const size_t size = (classes - first) / blocks;
    visit(kSplitBlocks[size - 5], first);
    first += size;
  }
}

}  // namespace

void weighted_sums(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* acc) {
  const CentredFeatures x = {q, zero_point, shape.features};
  for_each_block(shape.classes, [&](const Block& block, size_t first) {
    block.products(W + first, shape.classes, x, acc + first);
  });
}

void rank_one_update(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g) {
  const CentredFeatures x = {q, zero_point, shape.features};
  for_each_block(shape.classes, [&](const Block& block, size_t first) {
    block.rank_one(W + first, shape.classes, x, g + first);
  });
}

void weighted_sums_plain(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* acc) {
  for (size_t c = 0; c < shape.classes; ++c) acc[c] = 0.0f;
  add_products(W, shape.classes, shape.classes, {q, zero_point, shape.features}, 0, acc);
}

void rank_one_update_plain(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g) {
  add_rank_one(W, shape.classes, shape.classes, {q, zero_point, shape.features}, 0, g);
}

}  // namespace bytefed
