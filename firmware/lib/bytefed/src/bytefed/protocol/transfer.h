// Transfers of a blob in numbered chunks, one window at a time (SPEC 4). Both ends know the blob's size
// beforehand.
#pragma once
#include "bytefed/protocol/header.h"

namespace bytefed {

struct ChunkPlan {
  size_t length;   // bytes of the blob, at least 1
  size_t chunk;    // bytes in each chunk; the last one may be shorter
  uint8_t window;  // chunks, 1..kMaxWindow

  uint16_t count() const { return static_cast<uint16_t>((length + chunk - 1) / chunk); }
  size_t size_of(uint16_t index) const { return index + 1u == count() ? length - index * chunk : chunk; }
  uint16_t window_start(uint16_t index) const { return static_cast<uint16_t>(index / window * window); }
  bool valid() const {
    return length > 0 && chunk > 0 && window >= 1 && window <= kMaxWindow && length <= chunk * kMaxChunks;
  }
};

class ChunkReceiver {
 public:
  // `memory` takes plan.length bytes; plan.valid().
  void start(uint8_t* memory, const ChunkPlan& plan);

  // Returns false and ignores the chunk if it is not of this window or has the wrong size.
  bool receive(uint16_t index, const uint8_t* data, size_t length);

  bool complete() const { return first_missing_ == plan_.count(); }
  uint16_t first_missing() const { return first_missing_; }
  uint16_t count() const { return plan_.count(); }
  uint8_t window() const { return plan_.window; }
  size_t length() const { return plan_.length; }
  size_t position(uint16_t index) const { return index * plan_.chunk; }  // of a chunk in the blob

  // Writes an ACK of what is missing, at most kMaxAck bytes; returns its length.
  size_t pack_ack(uint8_t transfer, uint8_t* frame) const;
  static constexpr size_t kMaxAck = kHeaderSize + kMaxWindow / 8;

 private:
  void advance();

  uint8_t* memory_ = nullptr;
  ChunkPlan plan_ = {1, 1, 1};
  uint16_t first_missing_ = 0;
  uint32_t arrived_ = 0;  // bit i: chunk window_start + i
};

class ChunkSender {
 public:
  // `memory` holds plan.length bytes for as long as frames are taken; plan.valid().
  void start(const uint8_t* memory, const ChunkPlan& plan);
  void stop() { pending_ = 0; }

  // Marks the chunks that an ACK (or GET, without bitmap) asks for: those missing in the window that holds
  // `first`.
  void request(uint16_t first, const uint8_t* bitmap, size_t bitmap_length);

  bool pending() const { return pending_ != 0; }
  uint16_t count() const { return plan_.count(); }

  // Writes the next frame asked for and returns its length. pending() must hold. sent() takes it
  // off the list.
  size_t pack_next(uint8_t transfer, uint8_t* frame) const;
  void sent() { pending_ &= pending_ - 1; }

 private:
  const uint8_t* memory_ = nullptr;
  ChunkPlan plan_ = {1, 1, 1};
  uint16_t start_ = 0;    // first chunk of the window
  uint32_t pending_ = 0;  // bit i: chunk start_ + i is still to be sent
};

}  // namespace bytefed
