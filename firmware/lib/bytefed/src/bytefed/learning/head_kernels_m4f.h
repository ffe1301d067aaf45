// The loops of head_kernels.h for a Cortex-M4F: four features a turn, a row's weights in one load, products
// and sums in separate instructions.
//
// Why not VMLA, which does not fuse and so gives the same bits in half the instructions: on the chip it takes
// 3 cycles, VMUL and VADD 1 each. Why a row's products all come before its sums: a result that the next
// instruction needs costs one cycle more (Arm, Cortex-M4 Technical Reference Manual, "FPU instruction
// timings").
//
// Registers: s0-s9 weights, s10-s19 sums or steps, s20-s29 products, s30 and s31 two features.
#pragma once
#include "bytefed/learning/head_kernels.h"

// clang-format off

// `code` for each class k of the block; the assembler repeats it.
#define BYTEFED_FOR_EACH_CLASS(code)         \
  ".irp k,0,1,2,3,4,5,6,7,8,9\n\t"           \
  ".if \\k < %c[classes]\n\t" code "\n\t"    \
  ".endif\n\t"                              \
  ".endr\n\t"

// Skips the weights of other classes.
#define BYTEFED_SKIP_GAP ".if %c[dense] == 0\n\tadd %[W], %[gap]\n\t.endif\n\t"

#define BYTEFED_SUM_ROW(x)                                \
  "vldmia %[W]!, {s0-s%c[last]}\n\t"                      \
  BYTEFED_SKIP_GAP                                        \
  BYTEFED_FOR_EACH_CLASS("vmul.f32 s2\\k, s\\k, " x)      \
  BYTEFED_FOR_EACH_CLASS("vadd.f32 s1\\k, s1\\k, s2\\k")

#define BYTEFED_UPDATE_ROW(x)                             \
  "vldmia %[W], {s0-s%c[last]}\n\t"                       \
  BYTEFED_FOR_EACH_CLASS("vmul.f32 s2\\k, s1\\k, " x)     \
  BYTEFED_FOR_EACH_CLASS("vadd.f32 s\\k, s\\k, s2\\k")    \
  "vstmia %[W]!, {s0-s%c[last]}\n\t"                      \
  BYTEFED_SKIP_GAP

#define BYTEFED_TWO_FEATURES(first, second, row)          \
  "vmov s30, s31, %[" first "], %[" second "]\n\t"        \
  "vcvt.f32.s32 s30, s30\n\t"                             \
  "vcvt.f32.s32 s31, s31\n\t"                             \
  row("s30")                                              \
  row("s31")

// SXTAB takes a byte out of the four and subtracts the zero point at once.
#define BYTEFED_FEATURE_LOOP(row)                         \
  "cmp %[turns], #0\n\t"                                  \
  "beq 2f\n\t"                                            \
  "1:\n\t"                                                \
  "ldr %[d], [%[q]], #4\n\t"                              \
  "sxtab %[a], %[minus_zero], %[d]\n\t"                   \
  "sxtab %[b], %[minus_zero], %[d], ror #8\n\t"           \
  "sxtab %[c], %[minus_zero], %[d], ror #16\n\t"          \
  "sxtab %[d], %[minus_zero], %[d], ror #24\n\t"          \
  BYTEFED_TWO_FEATURES("a", "b", row)                     \
  BYTEFED_TWO_FEATURES("c", "d", row)                     \
  "subs %[turns], #1\n\t"                                 \
  "bne 1b\n\t"                                            \
  "2:\n\t"

// clang-format on

#define BYTEFED_CLOBBERS                                                                                  \
  "cc", "memory", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", \
      "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27",   \
      "s28", "s29", "s30", "s31"

namespace bytefed {

// The last one to three features: out of line, since D is nearly always a multiple of four.
__attribute__((noinline)) inline void add_last_products(const float* W, const int8_t* q, int8_t zero_point,
                                                        HeadShape shape, size_t classes, float* sums) {
  add_products(W, q, zero_point, shape, classes, shape.features / 4 * 4, sums);
}

__attribute__((noinline)) inline void add_last_rank_one(float* W, const int8_t* q, int8_t zero_point,
                                                        HeadShape shape, size_t classes, const float* g) {
  add_rank_one(W, q, zero_point, shape, classes, shape.features / 4 * 4, g);
}

// A block of B neighbouring classes. Between its rows lie the weights of the other classes; kDense says that
// there are none.
//
// Not inlined: compilers take repeated assembler code for shorter than it is, and would place branches over
// it that don't reach.
template <size_t B, bool kDense>
__attribute__((noinline)) void block_sums(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape,
                                          float* sums) {
  const float* weights = W;
  const int8_t* features = q;
  size_t turns = shape.features / 4;
  uint32_t a, b, c, d;
  __asm volatile(
      "mov %[a], #0\n\t"
      ".irp pair,5,6,7,8,9\n\tvmov d\\pair, %[a], %[a]\n\t.endr\n\t"  // s10-s19
      BYTEFED_FEATURE_LOOP(BYTEFED_SUM_ROW)                           //
      "vstmia %[sums], {s10-s1%c[last]}\n\t"
      : [W] "+r"(weights), [q] "+r"(features), [turns] "+r"(turns), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c),
        [d] "=&r"(d)
      : [minus_zero] "r"(-zero_point), [gap] "r"(kDense ? 0 : (shape.classes - B) * sizeof(float)),
        [sums] "r"(sums), [classes] "i"(B), [last] "i"(B - 1), [dense] "i"(kDense)
      : BYTEFED_CLOBBERS);
  if (shape.features % 4 != 0) add_last_products(W, q, zero_point, shape, B, sums);
}

template <size_t B, bool kDense>
__attribute__((noinline)) void block_update(float* W, const int8_t* q, int8_t zero_point, HeadShape shape,
                                            const float* g) {
  float* weights = W;
  const int8_t* features = q;
  size_t turns = shape.features / 4;
  uint32_t a, b, c, d;
  __asm volatile("vldmia %[g], {s10-s1%c[last]}\n\t"  //
                 BYTEFED_FEATURE_LOOP(BYTEFED_UPDATE_ROW)
                 : [W] "+r"(weights), [q] "+r"(features), [turns] "+r"(turns), [a] "=&r"(a), [b] "=&r"(b),
                   [c] "=&r"(c), [d] "=&r"(d)
                 : [minus_zero] "r"(-zero_point), [gap] "r"(kDense ? 0 : (shape.classes - B) * sizeof(float)),
                   [g] "r"(g), [classes] "i"(B), [last] "i"(B - 1), [dense] "i"(kDense)
                 : BYTEFED_CLOBBERS);
  if (shape.features % 4 != 0) add_last_rank_one(W, q, zero_point, shape, B, g);
}

template <size_t B, bool kDense = false>
constexpr Kernel block() {
  return {block_sums<B, kDense>, block_update<B, kDense>};
}

// Heads of 2, 4 and 10 classes have loops of their own; the others share those of the blocks, which takes two
// instructions more a feature, and 4 KB less flash.
template <size_t C>
constexpr Kernel kernel() {
  return block<C, (C == 2 || C == 4 || C == 10)>();
}

// More classes than fit the registers are split evenly, so that no block is smaller than half the largest.
constexpr size_t kSmallestBlock = kMostInRegisters / 2;
constexpr Kernel kBlocks[] = {block<5>(), block<6>(), block<7>(), block<8>(), block<9>(), block<10>()};

template <typename Visit>
void for_each_block(size_t classes, Visit visit) {
  size_t blocks = (classes + kMostInRegisters - 1) / kMostInRegisters;
  for (size_t first = 0; first < classes; --blocks) {
    const size_t size = (classes - first) / blocks;
    visit(kBlocks[size - kSmallestBlock], first);
    first += size;
  }
}

__attribute__((noinline)) inline void large_sums(const float* W, const int8_t* q, int8_t zero_point,
                                                 HeadShape shape, float* sums) {
  for_each_block(shape.classes, [=](const Kernel& block, size_t first) {
    block.sums(W + first, q, zero_point, shape, sums + first);
  });
}

__attribute__((noinline)) inline void large_update(float* W, const int8_t* q, int8_t zero_point,
                                                   HeadShape shape, const float* g) {
  for_each_block(shape.classes, [=](const Kernel& block, size_t first) {
    block.update(W + first, q, zero_point, shape, g + first);
  });
}

}  // namespace bytefed

#undef BYTEFED_FOR_EACH_CLASS
#undef BYTEFED_FEATURE_LOOP
#undef BYTEFED_TWO_FEATURES
#undef BYTEFED_SKIP_GAP
#undef BYTEFED_SUM_ROW
#undef BYTEFED_UPDATE_ROW
#undef BYTEFED_CLOBBERS
