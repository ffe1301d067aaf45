// exp and log from additions and multiplications alone, so that every target gives the same bits
// (SPEC 7.1).
#pragma once
#include <cstdint>
#include <cstring>

#include "bytefed/exact_arithmetic.h"
#include "bytefed/learning/polynomials.h"

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

// exp(x) for x <= 0; 0 below -87 and for NaN. Error below 1 ulp.
inline float exact_exp(float x) {
  if (!(x > -87.0f)) return 0.0f;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest integer
  const float shifted = x * 1.44269504f + magic;
  const uint32_t n = float_bits(shifted) - 0x4B400000u;
  const float whole = shifted - magic;
  float r = x - whole * 0.693145752f;
  r = r - whole * 1.42860677e-6f;
  const float p = exp_polynomial(r);
  return float_from_bits(float_bits(p) + (n << 23));
}

// log(x) for finite x >= 1. Error below 1 ulp.
inline float exact_log(float x) {
  const uint32_t bits = float_bits(x);
  int32_t n = static_cast<int32_t>(bits >> 23) - 126;
  float f = float_from_bits((bits & 0x007FFFFFu) | 0x3F000000u);  // [0.5, 1)
  if (f < 0.707106781f) {
    n = n - 1;
    f = f + f;
  }
  f = f - 1.0f;
  return log_polynomial(f, static_cast<float>(n));
}

}  // namespace bytefed
