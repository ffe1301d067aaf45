// Everything that goes to the host: the answer due next, DONE, and the delta in chunks (SPEC 4). It owns
// what is due and sends it when the link has room.
#pragma once
#include <cstring>

#include "bytefed/protocol/transfer.h"
#include "bytefed/session/port.h"

namespace bytefed {

// A delta as it goes over the link; no bytes when there is none.
struct Delta {
  const uint8_t* blob;
  size_t size;
};

class Outbox {
 public:
  // Bytes of a frame with WELCOME, BOARD and STORED.
  static constexpr size_t kOpening = kHeaderSize + Welcome::kSize + Board::kSize + Stored::kSize;

  // Sends over this link from now on, frames of up to `frame_limit` bytes. What was due is sent no more.
  void open(Link* link, uint8_t frame_limit);
  // Sends nothing more, until open(). Its frame limit is remembered: a transfer may go on.
  void close() {
    stop();
    answer_length_ = 0;
    link_ = nullptr;
  }
  Link* link() const { return link_; }  // of the session; null without one
  uint8_t frame_limit() const { return frame_limit_; }
  // Largest control frame: a seal takes some of the largest frame.
  size_t message_limit() const;
  ChunkPlan plan(size_t length, uint8_t window) const;

  // ---- The answer due next: there is one at a time, a newer one takes its place.

  // Writes the answer's header and returns where its body of `size` bytes goes.
  uint8_t* start_answer(Kind kind, uint8_t sequence, size_t size);
  template <typename M>
  void answer(uint8_t sequence, const M& message) {
    pack(message, start_answer(M::kKind, sequence, M::kSize));
  }
  // Does so with something inside; all of it has at most message_limit() bytes.
  template <typename M>
  void answer(uint8_t sequence, const M& message, const void* blob, size_t size) {
    uint8_t* const body = start_answer(M::kKind, sequence, M::kSize + size);
    pack(message, body);
    if (size > 0) std::memcpy(body + M::kSize, blob, size);
  }
  // Writes WELCOME's header; the bodies of a whole opening follow one behind the other.
  void answer_opening(uint8_t sequence, const Welcome& welcome, const Board& board, const Stored& stored);
  void answer_error(uint8_t sequence, Status status) { answer(sequence, Error{status}); }
  void answer_ack(const ChunkReceiver& receiver, uint8_t transfer);
  void answer_final_ack(const ChunkReceiver& receiver, uint8_t transfer, Status status);

  // ---- DONE and the delta

  // DONE is to be sent; what it says is given to send_due().
  void announce_result() { result_due_ = true; }
  // The next delta travels under this transfer number; nothing of it has been asked for.
  void expect_pull(uint8_t transfer);
  // Sends the chunks of the window that holds `first`, as GET asks. chunks.valid(), first < chunks.count().
  void start_pull(const Delta& delta, const ChunkPlan& chunks, uint16_t first, uint8_t transfer);
  // Another delta will be sent from now on.
  void forget_delta() { numbered_ = false; }
  // Sends what an ACK asks for. first < pull_chunks().
  void continue_pull(uint16_t first, const uint8_t* bitmap, size_t length);
  uint16_t pull_chunks() const { return pull_chunks_; }  // 0 until GET: then the delta went inside DONE
  uint8_t pull_transfer() const { return pull_transfer_; }
  // Sends nothing more of DONE and delta.
  void stop();

  // Sends what is due, in order: DONE, if it is due, is `result`, whole or in short, in answer to request
  // `sequence`, with the whole `delta` if that fits the frame. False when the link took less than all.
  bool send_due(uint8_t sequence, const Result& result, bool whole, const Delta& delta);
  bool pending() const {
    return link_ != nullptr && (answer_length_ != 0 || result_due_ || sender_.pending());
  }

 private:
  bool send_result(uint8_t sequence, const Result& result, bool whole, const Delta& delta);
  size_t pack_result(uint8_t* body, const Result& result, bool whole, const Delta& delta, bool inlined);
  bool send_chunk();

  Link* link_ = nullptr;
  uint8_t frame_limit_ = kMinFrame;
  ChunkSender sender_;
  uint8_t pull_transfer_ = 0;
  uint16_t pull_chunks_ = 0;
  size_t pull_chunk_ = 0;  // bytes of its chunks
  bool result_due_ = false;
  bool numbered_ = false;         // the delta has a number in this sealed session
  bool answer_is_clear_ = false;  // even on a sealed link
  uint8_t answer_length_ = 0;
  uint8_t answer_[kMaxFrame];
};

}  // namespace bytefed
