// Integers of k bits behind each other, least significant bit first: the lanes of a masked blob (SPEC 11.2).
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bytefed {

constexpr unsigned kWidestLane = 24;  // bits: with the 7 that may wait, a lane fits 32

constexpr uint32_t lane_mask(unsigned bits) {
  return (1u << bits) - 1;
}

class LaneReader {
 public:
  LaneReader(const uint8_t* bytes, unsigned bits) : at_(bytes), bits_(bits) {}

  uint32_t take() {
    for (; held_bits_ < bits_; held_bits_ += 8) held_ |= static_cast<uint32_t>(*at_++) << held_bits_;
    const uint32_t lane = held_ & lane_mask(bits_);
    held_ >>= bits_;
    held_bits_ -= bits_;
    return lane;
  }

 private:
  const uint8_t* at_;
  unsigned bits_, held_bits_ = 0;
  uint32_t held_ = 0;
};

// Writes whole bytes alone: of a multiple of 8 lanes, that is all.
class LaneWriter {
 public:
  LaneWriter(uint8_t* bytes, unsigned bits) : at_(bytes), bits_(bits) {}

  void put(uint32_t lane) {
    held_ |= (lane & lane_mask(bits_)) << held_bits_;
    for (held_bits_ += bits_; held_bits_ >= 8; held_bits_ -= 8, held_ >>= 8) {
      *at_++ = static_cast<uint8_t>(held_);
    }
  }

 private:
  uint8_t* at_;
  unsigned bits_, held_bits_ = 0;
  uint32_t held_ = 0;
};

}  // namespace bytefed
