#include "bytefed/protocol/crc.h"

namespace bytefed {
namespace {

// Works four bits at a time: a table of 16 entries instead of 256 leaves more flash for the model.
constexpr uint32_t kCrc32[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                 0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};

}  // namespace

// Works a byte at a time, without a table. The polynomial's few terms (x^16 + x^12 + x^5 + 1) turn the
// division into shifts: t is the byte that is shifted out, folded once for the bits that the division feeds
// back into it. The remainder is in the upper half of the word, so that shifting drops the bits that are used
// up.
uint16_t crc16(const uint8_t* data, size_t length, uint16_t crc) {
  uint32_t state = static_cast<uint32_t>(crc) << 16;
  for (const uint8_t* const end = data + length; data < end; ++data) {
    uint32_t t = state >> 24 ^ *data;
    t ^= t >> 4;
    state = state << 8 ^ t << 16 ^ t << 21 ^ t << 28;
  }
  return static_cast<uint16_t>(state >> 16);
}

void Crc32::add(const void* data, size_t length) {
  const uint8_t* bytes = static_cast<const uint8_t*>(data);
  uint32_t state = state_;
  for (size_t i = 0; i < length; ++i) {
    state ^= bytes[i];
    state = (state >> 4) ^ kCrc32[state & 15u];
    state = (state >> 4) ^ kCrc32[state & 15u];
  }
  state_ = state;
}

}  // namespace bytefed
