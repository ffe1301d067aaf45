#include "bytefed/seal/frame_seal.h"

#include "bytefed/assert.h"
#include "bytefed/protocol/header.h"

namespace bytefed {
namespace {

// Writes the tag of a sealed frame of `length` bytes, the tag included, whose counter is known in full.
void make_tag(const DirectionKeys& keys, uint64_t counter, const uint8_t* sealed, size_t length,
              uint8_t tag[kSealTagSize]) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(counter >> 8 * i);
  Blake2b(kSealTagSize, keys.frame_tag, kKeySize)
      .add(bytes, sizeof bytes)
      .add(sealed, kHeaderSize)
      .add(sealed + kHeaderSize + 1, length - kHeaderSize - kFrameSealSize)
      .finish(tag);
}

}  // namespace

size_t FrameSealer::seal(const uint8_t* frame, size_t length, uint8_t* sealed) {
  BYTEFED_ASSERT(length >= kHeaderSize && length + kFrameSealSize <= kMaxFrame);
  BYTEFED_ASSERT(counter_ + 1 > counter_);
  const size_t body = length - kHeaderSize;
  std::memcpy(sealed, frame, kHeaderSize);
  sealed[kHeaderSize] = static_cast<uint8_t>(counter_);
  uint8_t* const hidden = sealed + kHeaderSize + 1;
  if (body > 0) std::memcpy(hidden, frame + kHeaderSize, body);
  chacha20_xor(keys_.frame, counter_, 0, hidden, body);
  make_tag(keys_, counter_, sealed, length + kFrameSealSize, hidden + body);
  ++counter_;
  is_last_ours_ = true;
  return length + kFrameSealSize;
}

void FrameSealer::restart() {
  counter_ = 0;
  is_last_ours_ = false;
}

void FrameSealer::take_back() {
  BYTEFED_ASSERT(is_last_ours_);
  is_last_ours_ = false;
  --counter_;
}

void FrameOpener::restart() {
  highest_ = -1;
  seen_ = 0;
}

// The counter's other bits are those that bring it nearest to the highest one opened.
size_t FrameOpener::open(uint8_t* frame, size_t length) {
  if (length < kHeaderSize + kFrameSealSize || length > kMaxFrame) return 0;
  const int8_t ahead = static_cast<int8_t>(frame[kHeaderSize] - static_cast<uint8_t>(highest_));
  const int64_t counter = highest_ + ahead;
  if (!fresh(counter)) return 0;
  const size_t body = length - kHeaderSize - kFrameSealSize;
  uint8_t tag[kSealTagSize];
  make_tag(keys_, static_cast<uint64_t>(counter), frame, length, tag);
  if (!equal_secrets(tag, frame + length - kSealTagSize, kSealTagSize)) return 0;
  std::memmove(frame + kHeaderSize, frame + kHeaderSize + 1, body);
  chacha20_xor(keys_.frame, static_cast<uint64_t>(counter), 0, frame + kHeaderSize, body);
  note(counter);
  return kHeaderSize + body;
}

bool FrameOpener::fresh(int64_t counter) const {
  if (counter < 0) return false;
  if (counter > highest_) return true;
  const int64_t age = highest_ - counter;
  return age < kReplayWindow && (seen_ >> age & 1u) == 0;
}

void FrameOpener::note(int64_t counter) {
  if (counter > highest_) {
    const int64_t step = counter - highest_;
    seen_ = step < kReplayWindow ? seen_ << step : 0;
    highest_ = counter;
  }
  seen_ |= uint64_t{1} << (highest_ - counter);
}

}  // namespace bytefed
