// The CRC of a packet. nRF52840 Product Specification v1.7, 6.20.7 "CRC".
#pragma once
#include <cstdint>
#include <vector>

namespace emulator {

struct RadioCrc {
  unsigned bits;  // 0, 8, 16 or 24
  uint32_t polynomial;
  uint32_t start;

  uint32_t of(const std::vector<uint8_t>& bytes) const {
    const uint32_t mask = bits ? (1u << bits) - 1 : 0;
    uint32_t crc = start & mask;
    for (const uint8_t byte : bytes) {
      for (int i = 0; bits && i < 8; ++i) {
        const bool feedback = (crc >> (bits - 1) & 1) != (byte >> i & 1u);
        crc = (crc << 1 ^ (feedback ? polynomial | 1 : 0)) & mask;
      }
    }
    return crc;
  }
};

}  // namespace emulator
