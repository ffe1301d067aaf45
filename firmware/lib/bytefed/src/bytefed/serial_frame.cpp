#include "bytefed/serial_frame.h"

#include "bytefed/crc.h"

namespace bytefed {
namespace {

// COBS writes each block's length in front of it, so the encoder fills that place in when the block
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
  // What is encoded has at most 254 bytes, so no block overflows its code byte.
  uint8_t* finish() {
    close_block();
    return out_;
  }

 private:
  void close_block() { *code_ = static_cast<uint8_t>(out_ - code_); }

  uint8_t* code_;
  uint8_t* out_;
};

}  // namespace

size_t encode_serial_frame(const uint8_t* frame, size_t length, uint8_t* wire) {
  const uint16_t crc = crc16(frame, length);
  CobsWriter cobs(wire);
  for (size_t i = 0; i < length; ++i) cobs.add(frame[i]);
  cobs.add(static_cast<uint8_t>(crc));
  cobs.add(static_cast<uint8_t>(crc >> 8));
  uint8_t* end = cobs.finish();
  *end++ = 0;
  // Some USB CDC stacks hold back a transfer that ends on a full 64-byte packet.
  if ((end - wire) % 64 == 0) *end++ = 0;
  return static_cast<size_t>(end - wire);
}

bool SerialFrameDecoder::push(uint8_t byte) {
  if (delivered_) restart();
  if (byte == 0) return finish();
  if (block_ == 0 && !broken_) {  // a code byte
    if (zero_due_) {
      if (length_ == kCapacity) {
        broken_ = true;
        return false;
      }
      buffer_[length_++] = 0;
    }
    block_ = static_cast<uint8_t>(byte - 1);
    zero_due_ = byte != 0xFF;
    return false;
  }
  if (length_ == kCapacity) broken_ = true;
  if (broken_) return false;
  buffer_[length_++] = byte;
  --block_;
  return false;
}

bool SerialFrameDecoder::finish() {
  delivered_ = true;  // or dropped: the next byte starts afresh
  if (broken_ || block_ != 0 || length_ < 4) return false;
  length_ -= 2;
  return crc16(buffer_, length_) == (buffer_[length_] | buffer_[length_ + 1] << 8);
}

void SerialFrameDecoder::restart() {
  length_ = 0;
  block_ = 0;
  zero_due_ = false;
  broken_ = false;
  delivered_ = false;
}

}  // namespace bytefed
