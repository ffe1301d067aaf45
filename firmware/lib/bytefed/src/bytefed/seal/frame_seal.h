// Sealed frames, one direction: header in the clear, a counter, the hidden body, a tag of eight bytes.
//
// The tag is keyed BLAKE2b over counter (8 bytes), header and hidden body. Unlike Poly1305's it may be cut to
// eight bytes.
#pragma once
#include "bytefed/protocol/message.h"
#include "bytefed/seal/keys.h"

namespace bytefed {

constexpr size_t kSealTagSize = 8;
constexpr size_t kFrameSealSize = 1 + kSealTagSize;  // bytes that a sealed frame has more

class FrameSealer {
 public:
  explicit FrameSealer(const DirectionKeys& keys) : keys_(keys) {}
  // Begins anew, under keys that have just been made.
  void restart();
  FrameSealer(const FrameSealer&) = delete;  // two would seal two frames under one counter
  FrameSealer& operator=(const FrameSealer&) = delete;

  // Writes length + kFrameSealSize bytes to `sealed`, which does not overlap the frame, and returns that
  // number. kHeaderSize <= length <= kMaxFrame - kFrameSealSize.
  size_t seal(const uint8_t* frame, size_t length, uint8_t* sealed);
  // Notes that the last sealed frame left nobody's hands: its counter is free again. Once after each seal().
  void take_back();

 private:
  const DirectionKeys& keys_;
  bool is_last_ours_ = false;  // whether the last frame can be taken back; debug builds look at it
  uint64_t counter_ = 0;       // of the next frame
};

class FrameOpener {
 public:
  explicit FrameOpener(const DirectionKeys& keys) : keys_(keys) {}
  // Begins anew, under keys that have just been made.
  void restart();

  // Opens a frame in place and returns its length; 0 for all that was not sealed by the other end for this
  // place, or was opened before: then the bytes are as they were.
  size_t open(uint8_t* frame, size_t length);

  static constexpr int kReplayWindow = 64;  // frames

 private:
  bool fresh(int64_t counter) const;
  void note(int64_t counter);

  const DirectionKeys& keys_;
  int64_t highest_ = -1;  // counter of the latest frame opened
  uint64_t seen_ = 0;     // bit i: highest_ - i has been opened
};

}  // namespace bytefed
