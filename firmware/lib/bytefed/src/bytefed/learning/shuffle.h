// A seeded order in which to visit n samples, in constant memory (SPEC 7.2).
#pragma once
#include <cstdint>

namespace bytefed {

// 32-bit integer hash "lowbias32" (Wellons, "Prospecting for Hash Functions", 2018).
inline uint32_t mix32(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7FEB352Du;
  x ^= x >> 15;
  x *= 0x846CA68Bu;
  x ^= x >> 16;
  return x;
}

// A permutation of 0 .. count-1: a four-round Feistel network, walked until it lands below count
// (on average < 4 walks; Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
class Shuffle {
 public:
  Shuffle() = default;  // the order of one sample
  // count >= 1.
  Shuffle(uint32_t seed, uint16_t round, uint8_t epoch, uint16_t count) : count_(count) {
    const uint32_t position = round * 65536u + epoch * 4u;
    for (uint32_t k = 0; k < kRounds; ++k) key_[k] = mix32(seed + 0x9E3779B9u * (position + k));
    while ((1u << (2 * half_bits_)) < count_) ++half_bits_;
  }

  uint16_t operator[](uint16_t index) const {
    uint32_t value = index;
    do value = encipher(value);
    while (value >= count_);
    return static_cast<uint16_t>(value);
  }

  // The network that the walk goes through: a permutation of 0 .. domain()-1.
  uint32_t domain() const { return 1u << (2 * half_bits_); }
  uint32_t encipher(uint32_t value) const {
    const uint32_t mask = (1u << half_bits_) - 1u;
    uint32_t left = value >> half_bits_, right = value & mask;
    for (uint32_t k = 0; k < kRounds; ++k) {
      const uint32_t mixed = left ^ (mix32(right ^ key_[k]) & mask);
      left = right;
      right = mixed;
    }
    return left << half_bits_ | right;
  }

 private:
  static constexpr uint32_t kRounds = 4;

  uint32_t key_[kRounds] = {};
  uint32_t count_ = 1;
  uint32_t half_bits_ = 1;
};

}  // namespace bytefed
