// The blocks of head_kernels.h for a Cortex-M4F: four features a turn, a row's weights in one load,
// products and sums in separate instructions.
//
// Why not VMLA, which does not fuse and so gives the same bits in half the instructions: on the chip
// it takes 3 cycles, VMUL and VADD 1 each. Why a row's products all come before its sums: a result
// that the next instruction needs costs one cycle more (Arm, Cortex-M4 Technical Reference Manual,
// "FPU instruction timings").
//
// Registers: s0-s9 weights, s10-s19 sums or steps, s20-s29 products, s30 and s31 two features.
#pragma once
#include "bytefed/head_kernels.h"

// `code` for each class k of the block; the assembler repeats it.
#define BYTEFED_FOR_EACH_CLASS(code) \
  ".irp k,0,1,2,3,4,5,6,7,8,9\n\t.if \\k < %c[classes]\n\t" code "\n\t.endif\n\t.endr\n\t"

// Four features a turn, `row` for each. UXTAB adds a byte and the (negative) zero point at once.
#define BYTEFED_FEATURE_LOOP(row) \
  "1:\n\t"                                        \
  "ldr %[d], [%[q]], #4\n\t"                      \
  "sxtab %[a], %[minus_zero], %[d]\n\t"           \
  "sxtab %[b], %[minus_zero], %[d], ror #8\n\t"   \
  "sxtab %[c], %[minus_zero], %[d], ror #16\n\t"  \
  "sxtab %[d], %[minus_zero], %[d], ror #24\n\t"  \
  "vmov s30, s31, %[a], %[b]\n\t"                 \
  "vcvt.f32.s32 s30, s30\n\t"                     \
  "vcvt.f32.s32 s31, s31\n\t"                     \
  row("s30") row("s31")                           \
  "vmov s30, s31, %[c], %[d]\n\t"                 \
  "vcvt.f32.s32 s30, s30\n\t"                     \
  "vcvt.f32.s32 s31, s31\n\t"                     \
  row("s30") row("s31")                           \
  "subs %[turns], #1\n\t"                         \
  "bne 1b\n\t"

// Past the weights of other classes.
#define BYTEFED_SKIP_GAP ".if %c[dense] == 0\n\tadd %[W], %[gap]\n\t.endif\n\t"

#define BYTEFED_SUM_ROW(x)                                                                               \
  "vldmia %[W]!, {s0-s%c[last]}\n\t" BYTEFED_SKIP_GAP BYTEFED_FOR_EACH_CLASS("vmul.f32 s2\\k, s\\k, " x) \
      BYTEFED_FOR_EACH_CLASS("vadd.f32 s1\\k, s1\\k, s2\\k")

#define BYTEFED_UPDATE_ROW(x)                                                           \
  "vldmia %[W], {s0-s%c[last]}\n\t" BYTEFED_FOR_EACH_CLASS("vmul.f32 s2\\k, s1\\k, " x) \
      BYTEFED_FOR_EACH_CLASS(                                                           \
          "vadd.f32 s\\k, s\\k, s2\\k") "vstmia %[W]!, {s0-s%c[last]}\n\t" BYTEFED_SKIP_GAP

#define BYTEFED_CLOBBERS                                                                                  \
  "cc", "memory", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", \
      "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27",   \
      "s28", "s29", "s30", "s31"

namespace bytefed {

// Not inlined: compilers take repeated assembler code for shorter than it is, and would place
// branches over it that don't reach.
template <size_t B, bool kDense>
__attribute__((noinline)) void block_products(const float* W, size_t stride, const CentredFeatures& x,
                                              float* sums) {
  const float* weights = W;
  const int8_t* q = x.q;
  size_t turns = x.count / 4;
  uint32_t a, b, c, d;
  if (turns == 0) {
    for (size_t c = 0; c < B; ++c) sums[c] = 0.0f;
  } else {
    __asm volatile("mov %[a], #0\n\t"                          //
                   BYTEFED_FOR_EACH_CLASS("vmov s1\\k, %[a]")  //
                   BYTEFED_FEATURE_LOOP(BYTEFED_SUM_ROW)       //
                   "vstmia %[sums], {s10-s1%c[last]}\n\t"
                   : [W] "+r"(weights), [q] "+r"(q), [turns] "+r"(turns), [a] "=&r"(a), [b] "=&r"(b),
                     [c] "=&r"(c), [d] "=&r"(d)
                   : [minus_zero] "r"(-x.zero_point), [gap] "r"((stride - B) * sizeof(float)),
                     [sums] "r"(sums), [classes] "i"(B), [last] "i"(B - 1), [dense] "i"(kDense)
                   : BYTEFED_CLOBBERS);
  }
  add_products(W, stride, B, x, x.count / 4 * 4, sums);
}

template <size_t B, bool kDense>
__attribute__((noinline)) void block_rank_one(float* W, size_t stride, const CentredFeatures& x,
                                              const float* g) {
  float* weights = W;
  const int8_t* q = x.q;
  size_t turns = x.count / 4;
  uint32_t a, b, c, d;
  if (turns != 0) {
    __asm volatile("vldmia %[g], {s10-s1%c[last]}\n\t"  //
                   BYTEFED_FEATURE_LOOP(BYTEFED_UPDATE_ROW)
                   : [W] "+r"(weights), [q] "+r"(q), [turns] "+r"(turns), [a] "=&r"(a), [b] "=&r"(b),
                     [c] "=&r"(c), [d] "=&r"(d)
                   : [minus_zero] "r"(-x.zero_point), [gap] "r"((stride - B) * sizeof(float)), [g] "r"(g),
                     [classes] "i"(B), [last] "i"(B - 1), [dense] "i"(kDense)
                   : BYTEFED_CLOBBERS);
  }
  add_rank_one(W, stride, B, x, x.count / 4 * 4, g);
}

}  // namespace bytefed

#undef BYTEFED_FOR_EACH_CLASS
#undef BYTEFED_FEATURE_LOOP
#undef BYTEFED_SKIP_GAP
#undef BYTEFED_SUM_ROW
#undef BYTEFED_UPDATE_ROW
#undef BYTEFED_CLOBBERS
