#include "bytefed/protocol/serial_frame.h"

#include "bytefed/protocol/crc.h"

namespace bytefed {
namespace {

// COBS writes each block's length in front of it, so the encoder fills in that byte when the block
// ends.
class CobsWriter {
 public:
  explicit CobsWriter(uint8_t* out) : code_(out), out_(out + 1) {}

  void add(uint8_t byte) {
    if (byte != 0) {
      *out_++ = byte;
    } else {
      close_block();
      code_ = out_++;
    }
  }
  // Frame and CRC have at most 254 bytes, so no block overflows its code byte.
  uint8_t* finish() {
    close_block();
    return out_;
  }

 private:
  void close_block() { *code_ = static_cast<uint8_t>(out_ - code_); }

  uint8_t* code_;
  uint8_t* out_;
};

size_t finish_wire(CobsWriter& cobs, const uint8_t* wire) {
  uint8_t* end = cobs.finish();
  *end++ = 0;
  // Some USB CDC stacks hold back a transfer that ends on a full 64-byte packet.
  if ((end - wire) % 64 == 0) *end++ = 0;
  return static_cast<size_t>(end - wire);
}

}  // namespace

size_t encode_serial_frame(const uint8_t* frame, size_t length, uint8_t* wire) {
  const uint16_t crc = crc16(frame, length);
  CobsWriter cobs(wire);
  for (size_t i = 0; i < length; ++i) cobs.add(frame[i]);
  cobs.add(static_cast<uint8_t>(crc));
  cobs.add(static_cast<uint8_t>(crc >> 8));
  return finish_wire(cobs, wire);
}

size_t encode_bare_serial_frame(const uint8_t* frame, size_t length, uint8_t* wire) {
  CobsWriter cobs(wire);
  for (size_t i = 0; i < length; ++i) cobs.add(frame[i]);
  return finish_wire(cobs, wire);
}

SerialFrameDecoder::Found SerialFrameDecoder::finish() {
  const size_t length = length_;
  const bool whole = length == block_end_ && length >= 1 + 4 && length <= kCapacity;
  length_ = block_end_ = 0;
  if (!whole) return Found::kNothing;
  bare_length_ = length - 1;
  const uint8_t* crc = frame() + bare_length_ - 2;
  return crc16(frame(), bare_length_ - 2) == (crc[0] | crc[1] << 8) ? Found::kChecked : Found::kBare;
}

}  // namespace bytefed
