// Square root and logarithm in integers (SPEC 7.7).
#pragma once
#include <cstddef>
#include <cstdint>

namespace bytefed {

constexpr size_t kLogarithms = 129;  // values of the table of log64

// The number of binary digits; 0 for 0.
inline uint8_t bits(uint64_t x) {
  uint8_t count = 0;
  for (uint8_t half = 32; half > 0; half = static_cast<uint8_t>(half / 2)) {
    if (x >> half) {
      x >>= half;
      count = static_cast<uint8_t>(count + half);
    }
  }
  return static_cast<uint8_t>(count + (x != 0));
}

// The square root, rounded to the nearest integer; 65,535 at most for n below 2^32.
template <typename Word>
uint32_t root_of(Word n) {
  Word result = 0, bit = static_cast<Word>(static_cast<Word>(1) << ((bits(n | 1) - 1) & ~1));
  for (; bit != 0; bit >>= 2) {
    if (n >= result + bit) {
      n -= result + bit;
      result = (result >> 1) + bit;
    } else {
      result >>= 1;
    }
  }
  const bool up = n > result && result != (sizeof(Word) == 4 ? 0xFFFFu : 0xFFFFFFFFu);
  return static_cast<uint32_t>(result) + up;
}

// 32 bits where they do: they are several times as fast on the boards.
inline uint32_t root(uint64_t n) {
  return n >> 32 ? root_of<uint64_t>(n) : root_of<uint32_t>(static_cast<uint32_t>(n));
}

// 64 times the natural logarithm of v; 0 below 2. `table` has kLogarithms values.
inline uint16_t log64(uint32_t v, const int16_t* table) {
  if (v < 2) return 0;
  const uint32_t whole = bits(v) - 1u;
  const uint32_t above = v - (1u << whole);
  const int32_t y = static_cast<int32_t>(whole < 16 ? above << (16 - whole) : above >> (whole - 16));
  const int32_t i = y >> 9;
  const int32_t between = ((table[i + 1] - table[i]) * (y - 512 * i)) >> 16;
  const uint64_t log2 = (static_cast<uint64_t>(whole) << 16) + static_cast<uint64_t>(y + table[i] + between);
  const uint32_t natural = static_cast<uint32_t>((45426 * log2 + (1u << 15)) >> 16);
  return static_cast<uint16_t>((64 * natural + (1u << 15)) >> 16);
}

}  // namespace bytefed
