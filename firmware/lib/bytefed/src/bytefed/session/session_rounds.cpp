// Requests and frames of a round: CONFIG, BEGIN, GET, chunks and ACKs.
#include <cstring>

#include "bytefed/session/session.h"

namespace bytefed {

void Session::on_config(uint8_t sequence, const uint8_t* body, size_t length) {
  Config config;
  if (!unpack(body, length, &config)) return outbox_.answer_error(sequence, Status::kBadLength);
  const Status status = round_.configure(config);
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  outbox_.start_answer(Kind::kConfigured, sequence, 0);
}

void Session::on_begin(uint8_t sequence, const uint8_t* body, size_t length) {
  Begin begin;
  if (!unpack(body, length, &begin)) return outbox_.answer_error(sequence, Status::kBadLength);
  round_.revive(begin);
  if (round_.is_current(begin)) return accept(sequence);
  const Status status = check(begin);
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  const size_t size = blob_size(static_cast<Codec>(begin.codec), memory_.shape.parameters());
  const bool is_inline = kHeaderSize + Begin::kSize + size <= outbox_.frame_limit();
  if (is_inline && length < Begin::kSize + size) {
    return outbox_.answer_error(sequence, Status::kBadLength);
  }
  const ChunkPlan chunks = outbox_.plan(size, outbox_.link()->window);
  if (!is_inline && !chunks.valid()) return outbox_.answer_error(sequence, Status::kTooLarge);

  abandon();
  round_.start(begin);
  pushed_ = Pushed::kHead;
  receiver_.start(round_.head_blob(), chunks);
  if (is_inline) {
    std::memcpy(round_.head_blob(), body + Begin::kSize, size);
    const Status taken = round_.take_head();
    if (taken != Status::kOk) return outbox_.answer_error(sequence, taken);
    round_.start_training();
  }
  accept(sequence);
}

Status Session::check(const Begin& begin) const {
  const Status status = round_.check(begin);
  if (status != Status::kOk) return status;
  if (intake_.extracting() || capturing()) return Status::kBusy;
  return round_.check_training(begin);
}

void Session::accept(uint8_t sequence) {
  begin_sequence_ = sequence;
  push_transfer_ = sequence & 3u;
  outbox_.expect_pull(push_transfer_);
  const State state = round_.state();
  const uint16_t index = state == State::kReceiving ? receiver_.first_missing() : uint16_t{0};
  outbox_.answer(sequence, Accept{state, index, round_.expected_wait()});
  if (state == State::kReady) outbox_.announce_result();
}

void Session::on_get(uint8_t sequence, const uint8_t* body, size_t length) {
  Get get;
  if (!unpack(body, length, &get)) return outbox_.answer_error(sequence, Status::kBadLength);
  if (round_.state() != State::kReady || !round_.has_delta()) {
    return outbox_.answer_error(sequence, Status::kBusy);
  }
  const Delta delta = round_.delta();
  const ChunkPlan chunks = outbox_.plan(delta.size, get.window);
  if (!chunks.valid() || get.index >= chunks.count()) {
    return outbox_.answer_error(sequence, Status::kBadValue);
  }
  outbox_.start_pull(delta, chunks, get.index, sequence & 3u);
}

void Session::on_data(const uint8_t* frame, size_t length) {
  const DataHeader header = unpack_data_header(frame);
  if (state() == State::kReceiving && header.transfer == push_transfer_) {
    on_chunk(header, frame + kHeaderSize, length - kHeaderSize);
  } else if (state() == State::kReady && header.transfer == outbox_.pull_transfer()) {
    on_ack(header, frame + kHeaderSize, length - kHeaderSize);
  }
}

void Session::on_chunk(const DataHeader& header, const uint8_t* data, size_t length) {
  receiver_.receive(header.index, data, length);
  if (!receiver_.complete()) {
    if (header.poll) outbox_.answer_ack(receiver_, push_transfer_);
  } else if (pushed_ == Pushed::kHead) {
    head_arrived();
  } else {
    samples_arrived();
  }
}

void Session::on_ack(const DataHeader& header, const uint8_t* body, size_t length) {
  const uint16_t end = outbox_.pull_chunks();
  if (header.index < end) return outbox_.continue_pull(header.index, body, length);
  // The delta is on the host's disk: it need not be kept any longer.
  if (header.index != end || length != 1) return;
  round_.acknowledge(body[0] == static_cast<uint8_t>(Status::kOk));
  abandon();
}

void Session::head_arrived() {
  const Status status = round_.take_head();
  outbox_.answer_final_ack(receiver_, push_transfer_, status);
  if (status == Status::kOk) round_.start_training();
}

}  // namespace bytefed
