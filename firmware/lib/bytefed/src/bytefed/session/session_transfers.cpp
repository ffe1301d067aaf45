// What crosses the link: chunks and ACKs in both directions, and the answers to requests.
#include <cstring>

#include "bytefed/session/session.h"

namespace bytefed {

void Session::stop_pull() {
  sender_.stop();
  pull_chunks_ = 0;
}

void Session::on_get(uint8_t sequence, const uint8_t* body, size_t length) {
  Get get;
  if (!unpack(body, length, &get)) return answer_error(sequence, Status::kBadLength);
  if (state_ != State::kReady || !kept_) return answer_error(sequence, Status::kBusy);
  const ChunkPlan chunks = plan(blob_size(delta_codec_, parameters()), get.window);
  if (!chunks.valid() || get.index >= chunks.count()) {
    return answer_error(sequence, Status::kBadValue);
  }
  pull_transfer_ = sequence & 3u;
  pull_chunks_ = chunks.count();
  sender_.start(blob(delta_codec_), chunks);
  sender_.request(get.index, nullptr, 0);
}

void Session::on_data(const uint8_t* frame, size_t length) {
  const DataHeader header = unpack_data_header(frame);
  if (state_ == State::kReceiving && header.transfer == push_transfer_) {
    on_chunk(header, frame + kHeaderSize, length - kHeaderSize);
  } else if (state_ == State::kReady && header.transfer == pull_transfer_) {
    on_ack(header, frame + kHeaderSize, length - kHeaderSize);
  }
}

void Session::on_chunk(const DataHeader& header, const uint8_t* data, size_t length) {
  receiver_.receive(header.index, data, length);
  if (!receiver_.complete()) {
    if (header.poll) answer_ack();
  } else if (incoming_kind_ == Incoming::kHead) {
    head_arrived();
  } else {
    samples_arrived();
  }
}

void Session::on_ack(const DataHeader& header, const uint8_t* body, size_t length) {
  const uint16_t end = pull_chunks_;
  if (header.index < end) return sender_.request(header.index, body, length);
  // The delta is on the host's disk: it need not be kept any longer.
  if (header.index != end || length != 1) return;
  counted_ = body[0] == static_cast<uint8_t>(Status::kOk);
  forget_round();
}

ChunkPlan Session::plan(size_t length, uint8_t window) const {
  return {length, frame_limit_ - kHeaderSize, window};
}

uint8_t* Session::start_answer(Kind kind, uint8_t sequence, size_t size) {
  pack_control_header(kind, sequence, answer_);
  answer_length_ = static_cast<uint8_t>(kHeaderSize + size);
  return answer_ + kHeaderSize;
}

void Session::answer_ack() {
  answer_length_ = static_cast<uint8_t>(receiver_.pack_ack(push_transfer_, answer_));
}

void Session::answer_final_ack(Status status) {
  pack(DataHeader{push_transfer_, false, receiver_.count()}, answer_);
  answer_[kHeaderSize] = static_cast<uint8_t>(status);
  answer_length_ = kHeaderSize + 1;
}

// Sends what is due, in order. False when the link took less than all.
bool Session::send_due() {
  if (answer_length_ != 0) {
    if (!link_->send(link_->context, answer_, answer_length_)) return false;
    answer_length_ = 0;
  }
  if (result_due_ && !send_result()) return false;
  while (sender_.pending()) {
    if (!send_chunk()) return false;
  }
  return true;
}

bool Session::send_result() {
  uint8_t frame[kMaxFrame];
  pack_control_header(Kind::kResult, begin_sequence_, frame);
  pack(result_, frame + kHeaderSize);
  size_t length = kHeaderSize + Result::kSize;
  const size_t size = kept_ ? blob_size(delta_codec_, parameters()) : 0;
  if (length + size <= frame_limit_) {
    std::memcpy(frame + length, blob(delta_codec_), size);
    length += size;
  }
  if (!link_->send(link_->context, frame, length)) return false;
  result_due_ = false;
  return true;
}

bool Session::send_chunk() {
  uint8_t frame[kMaxFrame];
  const size_t length = sender_.pack_next(pull_transfer_, frame);
  if (!link_->send(link_->context, frame, length)) return false;
  sender_.sent();
  return true;
}

}  // namespace bytefed
