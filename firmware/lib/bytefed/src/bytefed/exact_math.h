// exp and log from additions and multiplications alone, so that every target gives the same bits
// (SPEC 7.1).
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__FAST_MATH__)
#error "bytefed: -ffast-math lets the compiler reorder sums; build with the flags of library.json"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
#error "bytefed: float expressions must be evaluated in float (on x86: -mfpmath=sse)"
#endif

namespace bytefed {

inline uint32_t float_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float float_from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// NaN and infinities have all exponent bits set; a bit test survives any compiler flag.
inline bool is_finite(float value) {
  return (float_bits(value) & 0x7F800000u) != 0x7F800000u;
}

// exp(x) for x <= 0; 0 below -87 and for NaN. Error below 1 ulp. Cephes expf (Moshier 1989).
inline float exact_exp(float x) {
  if (!(x > -87.0f)) return 0.0f;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest integer
  const float shifted = x * 1.44269504f + magic;
  const uint32_t n = float_bits(shifted) - 0x4B400000u;
  const float whole = shifted - magic;
  float r = x - whole * 0.693145752f;
  r = r - whole * 1.42860677e-6f;
  float p = 1.98756915e-4f;
  p = p * r + 1.39819995e-3f;
  p = p * r + 8.33345205e-3f;
  p = p * r + 4.16657962e-2f;
  p = p * r + 1.66666654e-1f;
  p = p * r + 0.5f;
  p = p * (r * r) + r;
  p = p + 1.0f;
  return float_from_bits(float_bits(p) + (n << 23));
}

// log(x) for finite x >= 1. Error below 1 ulp. Cephes logf (Moshier 1989).
inline float exact_log(float x) {
  const uint32_t bits = float_bits(x);
  int32_t n = static_cast<int32_t>(bits >> 23) - 126;
  float f = float_from_bits((bits & 0x007FFFFFu) | 0x3F000000u);  // [0.5, 1)
  if (f < 0.707106781f) {
    n = n - 1;
    f = f + f;
  }
  f = f - 1.0f;
  const float f2 = f * f;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const float whole = static_cast<float>(n);
  float y = p * f * f2;
  y = y + whole * -2.12194440e-4f;
  y = y - 0.5f * f2;
  float result = f + y;
  result = result + whole * 0.693359375f;
  return result;
}

}  // namespace bytefed
