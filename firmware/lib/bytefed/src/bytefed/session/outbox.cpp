#include "bytefed/session/outbox.h"

#include <cstring>

namespace bytefed {

void Outbox::open(Link* link, uint8_t frame_limit) {
  link_ = link;
  frame_limit_ = frame_limit;
  stop();
}

ChunkPlan Outbox::plan(size_t length, uint8_t window) const {
  return {length, frame_limit_ - kHeaderSize, window};
}

uint8_t* Outbox::start_answer(Kind kind, uint8_t sequence, size_t size) {
  pack_control_header(kind, sequence, answer_);
  answer_length_ = static_cast<uint8_t>(kHeaderSize + size);
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
}

void Outbox::answer_final_ack(const ChunkReceiver& receiver, uint8_t transfer, Status status) {
  pack(DataHeader{transfer, false, receiver.count()}, answer_);
  answer_[kHeaderSize] = static_cast<uint8_t>(status);
  answer_length_ = kHeaderSize + 1;
}

void Outbox::expect_pull(uint8_t transfer) {
  stop();
  pull_transfer_ = transfer;
}

void Outbox::start_pull(const Delta& delta, const ChunkPlan& chunks, uint16_t first, uint8_t transfer) {
  pull_transfer_ = transfer;
  pull_chunks_ = chunks.count();
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
    if (!link_->send(link_->context, answer_, answer_length_)) return false;
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
  if (whole) {
    pack(result, frame + kHeaderSize);
  } else {
    pack(Done{result.status, result.crc}, frame + kHeaderSize);
  }
  size_t length = kHeaderSize + (whole ? Result::kSize : Done::kSize);
  if (length + delta.size <= frame_limit_) {
    std::memcpy(frame + length, delta.blob, delta.size);
    length += delta.size;
  }
  if (!link_->send(link_->context, frame, length)) return false;
  result_due_ = false;
  return true;
}

bool Outbox::send_chunk() {
  uint8_t frame[kMaxFrame];
  const size_t length = sender_.pack_next(pull_transfer_, frame);
  if (!link_->send(link_->context, frame, length)) return false;
  sender_.sent();
  return true;
}

}  // namespace bytefed
