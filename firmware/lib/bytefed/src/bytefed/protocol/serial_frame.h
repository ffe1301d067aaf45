// Serial framing: COBS(frame, CRC-16) 0x00 (SPEC 1.1). BLE needs no framing: there a frame is one
// ATT value.
#pragma once
#include "bytefed/protocol/message.h"

namespace bytefed {

// Number of bytes on the wire for a frame of n bytes, n <= kMaxFrame.
constexpr size_t serial_wire_size(size_t n) {
  return n + 4 + ((n + 4) % 64 == 0 ? 1 : 0);
}

constexpr size_t kMaxSerialWire = kMaxFrame + 5;

// Writes serial_wire_size(length) bytes to `wire` and returns that number. 2 <= length <=
// kMaxFrame.
size_t encode_serial_frame(const uint8_t* frame, size_t length, uint8_t* wire);
// Does the same without a CRC-16, for frames that are proved by a tag (SPEC 10.4): two bytes less.
size_t encode_bare_serial_frame(const uint8_t* frame, size_t length, uint8_t* wire);

// Takes bytes from the wire one at a time and hands out valid frames; drops everything else.
//
// In COBS each block begins with a code byte, one more than the block's length, and each block but the
// first stands for a zero before it. We store a virtual zero before the first block, too, so that every code
// byte is handled alike. A block of 254 bytes, which no zero follows, is longer than any frame.
class SerialFrameDecoder {
 public:
  enum class Found : uint8_t { kNothing, kBare, kChecked };

  // True when this byte completed a frame with a CRC-16: frame() and length() hold until the next call.
  bool push(uint8_t byte) { return take(byte) == Found::kChecked; }

  // Tells frames without one apart, too: bare_length() bytes at frame(), the CRC-16 included if there is one.
  Found take(uint8_t byte) {
    if (byte == 0) return finish();
    if (length_ < block_end_) {
      decoded_[length_++] = byte;
    } else if (length_ + byte > kCapacity) {
      length_ = block_end_ = kTooLong;
    } else {
      block_end_ = length_ + byte;
      decoded_[length_++] = 0;
    }
    return Found::kNothing;
  }

  const uint8_t* frame() const { return decoded_ + 1; }
  size_t length() const { return bare_length_ - 2; }
  size_t bare_length() const { return bare_length_; }

 private:
  Found finish();

  static constexpr size_t kCapacity = 1 + kMaxFrame + 2;  // the virtual zero, the frame, its CRC
  static constexpr size_t kTooLong = kCapacity + 1;       // length_ stays so until the next delimiter
  uint8_t decoded_[kCapacity];
  size_t length_ = 0;
  size_t block_end_ = 0;    // value of length_ when the block is complete
  size_t bare_length_ = 2;  // of the last frame
};

}  // namespace bytefed
