// The Fourier transform of a real signal of 16 bits, in integers (SPEC 7.7).
#pragma once
#include <cstddef>
#include <cstdint>

namespace bytefed {

struct Complex {
  int16_t re, im;
};

// Transforms 2 M real values, M a power of two, laid as M complex ones. Tables live elsewhere.
class RealFft {
 public:
  RealFft() = default;
  // `twiddles` has M pairs, `split` M / 2.
  RealFft(const int16_t* twiddles, const int16_t* split, uint16_t size)
      : twiddles_(twiddles), split_(split), size_(size) {}

  // The place in which the transform wants the k-th complex value.
  uint16_t place(uint16_t k) const;
  // Makes bins 0 .. M - 1 of values that lie in their places.
  void transform(Complex* values) const;

 private:
  void pairs(Complex* values) const;
  void fours(Complex* values, uint16_t reach) const;
  void separate(Complex* values) const;
  Complex twiddle(size_t k) const { return {twiddles_[2 * k], twiddles_[2 * k + 1]}; }

  const int16_t* twiddles_ = nullptr;
  const int16_t* split_ = nullptr;
  uint16_t size_ = 0;
};

}  // namespace bytefed
