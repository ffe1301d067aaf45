// Requests and frames of a round: CONFIG, NEXT, BEGIN, GET, RELEASE, chunks and ACKs.
#include <cstring>

#include "bytefed/session/sealed_link.h"
#include "bytefed/session/session.h"

namespace bytefed {

void Session::on_config(uint8_t sequence, const uint8_t* body, size_t length) {
  Config config;
  if (!unpack(body, length, &config)) return outbox_.answer_error(sequence, Status::kBadLength);
  const Status status = round_.configure(config);
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  outbox_.start_answer(Kind::kConfigured, sequence, 0);
}

void Session::on_next(uint8_t flags, uint8_t sequence, const uint8_t* body, size_t length) {
  Next next;
  size_t used = Next::kSize;
  if (!unpack(body, length, &next)) return outbox_.answer_error(sequence, Status::kBadLength);
  enter_run();
  RoundRequest request = {next.round, 0, static_cast<uint8_t>(flags & ~RoundFlag::kConfigure), next.head, 0};
  Status status = find_step(body, length, &used, &request);
  if (status == Status::kOk) status = configure(flags, body, length, &used);
  if (status == Status::kOk && round_.is_current(request) && round_.state() != State::kReceiving) {
    return go_on(sequence);
  }
  const size_t size = length - used;
  if (status == Status::kOk && size > 0) status = round_.find_codec(size, &request.codec);
  if (status == Status::kOk) status = check(request);
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);

  start(request, sequence);
  std::memcpy(round_.head_blob(), body + used, size);
  status = size > 0 ? round_.take_head(true) : round_.take_held_head();
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  round_.start_training();
}

void Session::on_begin(uint8_t flags, uint8_t sequence, const uint8_t* body, size_t length) {
  Begin begin;
  size_t used = Begin::kSize;
  if (!unpack(body, length, &begin)) return outbox_.answer_error(sequence, Status::kBadLength);
  BlobSeal seal = {};
  if (!find_seal(body, length, &used, &seal)) return outbox_.answer_error(sequence, Status::kBadLength);
  enter_run();
  RoundRequest request = {begin.round, begin.codec, static_cast<uint8_t>(flags & ~RoundFlag::kConfigure),
                          begin.head, 0};
  Status status = find_step(body, length, &used, &request);
  if (status == Status::kOk) status = configure(flags, body, length, &used);
  if (status == Status::kOk && round_.is_current(request)) {
    push_seal_ = seal;
    go_on(sequence);
    return accept(sequence);
  }
  if (status == Status::kOk) status = check(request);
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  const size_t size = blob_size(static_cast<Codec>(begin.codec), memory_.shape.parameters());
  const ChunkPlan chunks = outbox_.plan(size, outbox_.link()->window);
  if (!chunks.valid()) return outbox_.answer_error(sequence, Status::kTooLarge);

  start(request, sequence);
  push_seal_ = seal;
  receiver_.start(round_.head_blob(), chunks);
  accept(sequence);
}

// On a sealed link the seal of a blob that follows in chunks lies behind the `used` bytes of a request's own
// fields. False if it does not.
bool Session::find_seal(const uint8_t* body, size_t length, size_t* used, BlobSeal* seal) const {
  if (outbox_.link()->seal == nullptr) return true;
  if (length < *used + kBlobSealSize) return false;
  *seal = unpack_seal(body + *used);
  *used += kBlobSealSize;
  return true;
}

// Whether the seal of the blob that was pushed is that of these bytes; on an open link none is needed.
bool Session::is_pushed_blob(const void* blob) const {
  SealedLink* const seal = outbox_.link()->seal;
  return seal == nullptr || seal->is_blob(push_seal_, blob, receiver_.length());
}

// Takes the CONFIG that may lie behind the `used` bytes of a request's own fields.
Status Session::configure(uint8_t flags, const uint8_t* body, size_t length, size_t* used) {
  if ((flags & RoundFlag::kConfigure) == 0) return Status::kOk;
  Config config;
  if (!unpack(body + *used, length - *used, &config)) return Status::kBadLength;
  *used += Config::kSize;
  return round_.configure(config);
}

Status Session::check(const RoundRequest& request) const {
  if ((identity_.capabilities & Board::kInexact) != 0) return Status::kInexact;
  const Status status = round_.check(request);
  if (status != Status::kOk) return status;
  if (intake_.extracting() || capturing()) return Status::kBusy;
  return round_.check_training(request);
}

void Session::start(const RoundRequest& request, uint8_t sequence) {
  abandon();
  outbox_.forget_delta();
  round_.start(request);
  pushed_ = Pushed::kHead;
  go_on(sequence);
}

// The round under way answers this request from now on.
void Session::go_on(uint8_t sequence) {
  asked_ = true;
  push_sequence_ = sequence;
  push_transfer_ = sequence & 3u;
  outbox_.expect_pull(push_transfer_);
  if (round_.state() == State::kReady) outbox_.announce_result();
}

void Session::accept(uint8_t sequence) {
  const State state = round_.state();
  const uint16_t index = state == State::kReceiving ? receiver_.first_missing() : uint16_t{0};
  outbox_.answer(sequence, Accept{state, index, round_.expected_wait()});
}

void Session::on_release(uint8_t sequence, const uint8_t* body, size_t length) {
  Release release;
  if (!unpack(body, length, &release)) return outbox_.answer_error(sequence, Status::kBadLength);
  enter_run();
  if (release.round == 0) {
    outbox_.stop();
    round_.start_run(round_.run());
  } else if (holds_delta() && release.round == round_.number()) {
    outbox_.stop();
    round_.release(release.counted != 0);
  }
  outbox_.start_answer(Kind::kReleased, sequence, 0);
}

void Session::on_get(uint8_t sequence, const uint8_t* body, size_t length) {
  Get get;
  if (!unpack(body, length, &get)) return outbox_.answer_error(sequence, Status::kBadLength);
  if (!asked_ || round_.state() != State::kReady || !round_.has_delta()) {
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
  uint8_t shown[kMaxFrame];
  std::memcpy(shown, data, length);
  if (SealedLink* const seal = outbox_.link()->seal) {
    seal->show_chunk(push_seal_.number, receiver_.position(header.index), shown, length);
  }
  receiver_.receive(header.index, shown, length);
  if (!receiver_.complete()) {
    if (header.poll) outbox_.answer_ack(receiver_, push_transfer_);
  } else if (pushed_ == Pushed::kHead) {
    head_arrived();
  } else {
    samples_arrived();
  }
}

void Session::on_ack(const DataHeader& header, const uint8_t* body, size_t length) {
  if (header.index < outbox_.pull_chunks()) outbox_.continue_pull(header.index, body, length);
}

void Session::head_arrived() {
  const Status status = round_.take_head(is_pushed_blob(round_.head_blob()));
  outbox_.answer_final_ack(receiver_, push_transfer_, status);
  if (status == Status::kOk) round_.start_training();
}

}  // namespace bytefed
