// Serial framing: COBS(frame, CRC-16) 0x00 (SPEC 1.1). BLE needs none of it: there a frame is one
// ATT value.
#pragma once
#include "bytefed/limits.h"

namespace bytefed {

// Bytes on the wire for a frame of n bytes, n <= kMaxFrame.
constexpr size_t serial_wire_size(size_t n) {
  return n + 4 + ((n + 4) % 64 == 0 ? 1 : 0);
}

constexpr size_t kMaxSerialWire = kMaxFrame + 5;

// Writes serial_wire_size(length) bytes to `wire` and returns that number. 2 <= length <=
// kMaxFrame.
size_t encode_serial_frame(const uint8_t* frame, size_t length, uint8_t* wire);

// Takes the wire a byte at a time and hands out valid frames; drops everything else.
class SerialFrameDecoder {
 public:
  // True when this byte completed a frame: frame() and length() hold until the next call.
  bool push(uint8_t byte);

  const uint8_t* frame() const { return buffer_; }
  size_t length() const { return length_; }

 private:
  void restart();
  bool finish();

  static constexpr size_t kCapacity = kMaxFrame + 2;
  uint8_t buffer_[kCapacity];
  size_t length_ = 0;       // bytes decoded so far
  uint8_t block_ = 0;       // bytes left in the COBS block; 0 before its code byte
  bool zero_due_ = false;   // the block ends in a zero, unless the frame ends first
  bool delivered_ = false;  // the last byte was a delimiter
  bool broken_ = false;     // too long: drop up to the next delimiter
};

}  // namespace bytefed
