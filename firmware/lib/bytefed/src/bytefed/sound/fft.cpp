#include "bytefed/sound/fft.h"

namespace bytefed {
namespace {

constexpr int32_t kHalf = 16383, kQuarter = 8191;  // of 32767: what the sums of a stage are divided by

Complex complex(int32_t re, int32_t im) {
  return {static_cast<int16_t>(re), static_cast<int16_t>(im)};
}

int32_t rounded(int32_t product) {
  return (product + (1 << 14)) >> 15;
}

Complex times(Complex a, Complex b) {
  return complex(rounded(a.re * b.re - a.im * b.im), rounded(a.re * b.im + a.im * b.re));
}

Complex times(Complex a, int32_t factor) {
  return complex(rounded(a.re * factor), rounded(a.im * factor));
}

Complex sum(Complex a, Complex b) {
  return complex(a.re + b.re, a.im + b.im);
}

Complex difference(Complex a, Complex b) {
  return complex(a.re - b.re, a.im - b.im);
}

}  // namespace

// Digits of the index in the order of the factors: 4s, and last a 2 if M is no power of 4.
uint16_t RealFft::place(uint16_t k) const {
  uint16_t at = 0;
  for (uint16_t rest = size_; rest > 1;) {
    const uint16_t radix = rest % 4 == 0 ? 4 : 2;
    rest = static_cast<uint16_t>(rest / radix);
    at = static_cast<uint16_t>(at + (k % radix) * rest);
    k = static_cast<uint16_t>(k / radix);
  }
  return at;
}

void RealFft::transform(Complex* values) const {
  uint16_t reach = 1;
  while (reach < size_) reach = static_cast<uint16_t>(4 * reach);
  const bool odd = reach > size_;
  if (odd) pairs(values);
  for (reach = odd ? 2 : 1; reach < size_; reach = static_cast<uint16_t>(4 * reach)) fours(values, reach);
  separate(values);
}

// The stage of the factor 2, of neighbours.
void RealFft::pairs(Complex* values) const {
  for (uint16_t i = 0; i < size_; i = static_cast<uint16_t>(i + 2)) {
    const Complex a = times(values[i], kHalf);
    const Complex b = times(times(values[i + 1], kHalf), twiddle(0));
    values[i] = sum(a, b);
    values[i + 1] = difference(a, b);
  }
}

// A stage of the factor 4, of values that are `reach` apart.
void RealFft::fours(Complex* values, uint16_t reach) const {
  const size_t stride = size_ / (4u * reach);
  for (uint16_t block = 0; block < size_; block = static_cast<uint16_t>(block + 4 * reach)) {
    for (uint16_t k = 0; k < reach; ++k) {
      Complex* at = values + block + k;
      const Complex a = times(at[0], kQuarter);
      const Complex b = times(times(at[reach], kQuarter), twiddle(k * stride));
      const Complex c = times(times(at[2 * reach], kQuarter), twiddle(2 * k * stride));
      const Complex d = times(times(at[3 * reach], kQuarter), twiddle(3 * k * stride));
      const Complex e = difference(a, c), g = sum(a, c), h = sum(b, d), i = difference(b, d);
      at[0] = sum(g, h);
      at[reach] = complex(e.re + i.im, e.im - i.re);
      at[2 * reach] = difference(g, h);
      at[3 * reach] = complex(e.re - i.im, e.im + i.re);
    }
  }
}

// From the transform of pairs of values to that of the values, k and M - k together.
void RealFft::separate(Complex* values) const {
  const Complex zero = times(values[0], kHalf);
  values[0] = complex(zero.re + zero.im, 0);
  for (uint16_t k = 1; k <= size_ / 2; ++k) {
    Complex* mirror = values + (size_ - k);
    const Complex a = times(values[k], kHalf);
    const Complex b = times(complex(mirror->re, -mirror->im), kHalf);
    const Complex even = sum(a, b);
    const Complex u = times(difference(a, b), {split_[2 * (k - 1)], split_[2 * (k - 1) + 1]});
    values[k] = complex((even.re + u.re) >> 1, (even.im + u.im) >> 1);
    *mirror = complex((even.re - u.re) >> 1, (u.im - even.im) >> 1);
  }
}

}  // namespace bytefed
