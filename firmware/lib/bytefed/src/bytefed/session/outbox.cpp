#include "bytefed/session/outbox.h"

#include <cstring>

#include "bytefed/session/sealed_link.h"

namespace bytefed {

void Outbox::open(Link* link, uint8_t frame_limit) {
  link_ = link;
  frame_limit_ = frame_limit;
  answer_length_ = 0;
  forget_delta();
  stop();
}

size_t Outbox::message_limit() const {
  return link_->seal == nullptr ? frame_limit_ : frame_limit_ - kFrameSealSize;
}

ChunkPlan Outbox::plan(size_t length, uint8_t window) const {
  return {length, frame_limit_ - kHeaderSize, window};
}

uint8_t* Outbox::start_answer(Kind kind, uint8_t sequence, size_t size) {
  pack_control_header(kind, sequence, answer_);
  answer_length_ = static_cast<uint8_t>(kHeaderSize + size);
  answer_is_clear_ = false;
  return answer_ + kHeaderSize;
}

void Outbox::answer_opening(uint8_t sequence, const Welcome& welcome, const Board& board,
                            const Stored& stored) {
  uint8_t* body = start_answer(Kind::kWelcome, sequence, kOpening - kHeaderSize);
  pack(welcome, body);
  pack(board, body + Welcome::kSize);
  pack(stored, body + Welcome::kSize + Board::kSize);
}

void Outbox::answer_ack(const ChunkReceiver& receiver, uint8_t transfer) {
  answer_length_ = static_cast<uint8_t>(receiver.pack_ack(transfer, answer_));
  answer_is_clear_ = true;
}

void Outbox::answer_final_ack(const ChunkReceiver& receiver, uint8_t transfer, Status status) {
  pack(DataHeader{transfer, false, receiver.count()}, answer_);
  answer_[kHeaderSize] = static_cast<uint8_t>(status);
  answer_length_ = kHeaderSize + 1;
  answer_is_clear_ = false;
}

void Outbox::expect_pull(uint8_t transfer) {
  stop();
  pull_transfer_ = transfer;
}

void Outbox::start_pull(const Delta& delta, const ChunkPlan& chunks, uint16_t first, uint8_t transfer) {
  pull_transfer_ = transfer;
  pull_chunks_ = chunks.count();
  pull_chunk_ = chunks.chunk;
  sender_.start(delta.blob, chunks);
  sender_.request(first, nullptr, 0);
}

void Outbox::continue_pull(uint16_t first, const uint8_t* bitmap, size_t length) {
  sender_.request(first, bitmap, length);
}

void Outbox::stop() {
  sender_.stop();
  pull_chunks_ = 0;
  result_due_ = false;
}

bool Outbox::send_due(uint8_t sequence, const Result& result, bool whole, const Delta& delta) {
  if (answer_length_ != 0) {
    const bool taken = answer_is_clear_ && link_->seal != nullptr
                           ? link_->seal->send_clear(answer_, answer_length_)
                           : link_->send(link_->context, answer_, answer_length_);
    if (!taken) return false;
    answer_length_ = 0;
  }
  if (result_due_ && !send_result(sequence, result, whole, delta)) return false;
  while (sender_.pending()) {
    if (!send_chunk()) return false;
  }
  return true;
}

bool Outbox::send_result(uint8_t sequence, const Result& result, bool whole, const Delta& delta) {
  uint8_t frame[kMaxFrame];
  pack_control_header(whole ? Kind::kResult : Kind::kDone, sequence, frame);
  size_t length = kHeaderSize + pack_result(frame + kHeaderSize, result, whole, delta, true);
  if (length + delta.size <= message_limit()) {
    if (delta.size > 0) std::memcpy(frame + length, delta.blob, delta.size);
    length += delta.size;
  } else {
    length = kHeaderSize + pack_result(frame + kHeaderSize, result, whole, delta, false);
  }
  if (!link_->send(link_->context, frame, length)) return false;
  result_due_ = false;
  return true;
}

// Writes the body without the delta. On a sealed link the delta's seal stands in the place of its CRC, or
// nothing where the delta is `inlined`: then the frame's own tag proves it.
size_t Outbox::pack_result(uint8_t* body, const Result& result, bool whole, const Delta& delta,
                           bool inlined) {
  uint8_t plain[Result::kSize];
  size_t size = Done::kSize;
  if (whole) {
    pack(result, plain);
    size = Result::kSize;
  } else {
    pack(Done{result.status, result.crc}, plain);
  }
  if (link_->seal == nullptr) {
    std::memcpy(body, plain, size);
    return size;
  }
  uint8_t* end = body;
  *end++ = plain[0];
  if (delta.size > 0 && !inlined) {
    if (!numbered_) link_->seal->number_blob(delta.blob, delta.size);
    numbered_ = true;
    end = pack_seal(link_->seal->numbered_blob(), end);
  }
  constexpr size_t kBehindCrc = 1 + sizeof(uint32_t);
  std::memcpy(end, plain + kBehindCrc, size - kBehindCrc);
  return static_cast<size_t>(end - body) + size - kBehindCrc;
}

bool Outbox::send_chunk() {
  uint8_t frame[kMaxFrame];
  const size_t length = sender_.pack_next(pull_transfer_, frame);
  if (link_->seal != nullptr) {
    const size_t position = unpack_data_header(frame).index * pull_chunk_;
    if (!link_->seal->send_chunk(frame, length, position)) return false;
  } else if (!link_->send(link_->context, frame, length)) {
    return false;
  }
  sender_.sent();
  return true;
}

}  // namespace bytefed
