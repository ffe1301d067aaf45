// The polynomials of exp and log (SPEC 7.1), for a float or for a vector of them: the simulator trains eight
// clients at once. Everything here is local to the file that includes it, so that one file may be
// compiled for several kinds of processor.
#pragma once

namespace bytefed {

// exp(r) for r about 0. Cephes expf (Moshier 1989).
template <typename Float>
static inline Float exp_polynomial(Float r) {
  Float p = r * 1.98756915e-4f + 1.39819995e-3f;
  p = p * r + 8.33345205e-3f;
  p = p * r + 4.16657962e-2f;
  p = p * r + 1.66666654e-1f;
  p = p * r + 0.5f;
  p = p * (r * r) + r;
  return p + 1.0f;
}

// log(2^n (1 + f)), given n as a float. Cephes logf (Moshier 1989).
template <typename Float>
static inline Float log_polynomial(Float f, Float n) {
  const Float f2 = f * f;
  Float p = f * 7.0376836292e-2f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  Float y = p * f * f2;
  y = y + n * -2.12194440e-4f;
  y = y - 0.5f * f2;
  return f + y + n * 0.693359375f;
}

}  // namespace bytefed
