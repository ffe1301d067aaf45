// Floats as they are written, whatever flags a build has: each operation rounded on its own, and in its order
// (SPEC 7). The Arduino IDE takes no flags from a library, and its cores' own fuse multiplications with
// additions (the Nano's -Os), and reorder sums besides (Adafruit's -Ofast).
//
// It stands before the functions that it is for, and holds to the end of the file that is compiled: no header
// that sketches include may include it.
//
// GCC's manual warns of this pragma, since versions differ in which options a function keeps. That is why a
// board tests itself (SPEC 7.6), and does not trust its compiler.
#pragma once

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#if defined(__FAST_MATH__)
#error "bytefed: -ffast-math lets the compiler reorder sums; build with the flags of library.json"
#endif
#elif defined(__GNUC__)  // it keeps __FAST_MATH__ defined, so there is nothing to check here
#pragma GCC optimize("no-fast-math", "no-math-errno", "fp-contract=off")  // as in library.json
#endif

#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
#error "bytefed: float expressions must be evaluated in float (on x86: -mfpmath=sse)"
#endif
