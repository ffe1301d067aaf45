// The two checksums on the link: CRC-16 for a serial frame, CRC-32 for a whole blob.
#pragma once
#include <cstddef>
#include <cstdint>

namespace bytefed {

// CRC-16/CCITT-FALSE: polynomial 0x1021, initial value 0xFFFF, no reflection, no final xor.
uint16_t crc16(const uint8_t* data, size_t length, uint16_t crc = 0xFFFF);

// CRC-32/ISO-HDLC, as in zlib and Ethernet.
class Crc32 {
 public:
  void add(const void* data, size_t length);
  uint32_t value() const { return ~state_; }

 private:
  uint32_t state_ = 0xFFFFFFFFu;
};

inline uint32_t crc32(const void* data, size_t length) {
  Crc32 crc;
  crc.add(data, length);
  return crc.value();
}

}  // namespace bytefed
