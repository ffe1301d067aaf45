#include "bytefed/crc.h"

namespace bytefed {
namespace {

// Four bits at a time: 16 entries a table instead of 256, so that flash goes to the model.
constexpr uint16_t kCrc16[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
                                 0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF};
constexpr uint32_t kCrc32[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                 0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};

}  // namespace

uint16_t crc16(const uint8_t* data, size_t length, uint16_t crc) {
  uint32_t state = crc;
  for (size_t i = 0; i < length; ++i) {
    const uint32_t byte = data[i];
    state = ((state << 4) & 0xFFFFu) ^ kCrc16[(state >> 12) ^ (byte >> 4)];
    state = ((state << 4) & 0xFFFFu) ^ kCrc16[(state >> 12) ^ (byte & 15u)];
  }
  return static_cast<uint16_t>(state);
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
