// Requests about samples: STORE, ADD, CAPTURE, DISCARD.
#include "bytefed/protocol/crc.h"
#include "bytefed/session/session.h"

namespace bytefed {

Stored Session::tell_stored() {
  told_samples_ = intake_.changes();
  return stored();
}

Stored Session::stored() const {
  const SampleStore& samples = store();
  return {samples.capacity(),          samples.count(Split::kTrain),
          samples.count(Split::kTest), round_.guarded() ? 0 : samples.crc(),
          memory_.max_batch,           crc32(memory_.global, sizeof(float) * memory_.shape.parameters())};
}

void Session::on_add(uint8_t sequence, const uint8_t* body, size_t length) {
  Add add;
  size_t used = Add::kSize;
  BlobSeal seal = {};
  if (!unpack(body, length, &add) || !find_seal(body, length, &used, &seal)) {
    return outbox_.answer_error(sequence, Status::kBadLength);
  }
  enter_run();
  const bool under_way = intake_.state() != State::kIdle;
  if (intake_.is_same(add) && (intake_.add_done() || under_way)) {
    if (!under_way) return outbox_.answer(sequence, Added{0, 0});
  } else {
    const Status status = check(add);
    if (status != Status::kOk) return outbox_.answer_error(sequence, status);
    abandon();
    intake_.start(add);
    if (intake_.holds_window()) watch_.spoil();
    pushed_ = Pushed::kSamples;
    receiver_.start(intake_.records_of(add), plan(add));
  }
  push_seal_ = seal;
  asked_ = true;
  push_sequence_ = sequence;
  push_transfer_ = sequence & 3u;
  outbox_.answer(sequence, Added{1, receiver_.first_missing()});
}

Status Session::check(const Add& add) const {
  if (state() == State::kTraining || holds_delta() || capturing()) return Status::kBusy;
  const Status status = intake_.check(add);
  if (status != Status::kOk) return status;
  return plan(add).valid() ? Status::kOk : Status::kTooLarge;
}

ChunkPlan Session::plan(const Add& add) const {
  return outbox_.plan(intake_.transfer_size(add), outbox_.link()->window);
}

void Session::samples_arrived() {
  const Status status = intake_.records_arrived(is_pushed_blob(intake_.records()));
  if (status != Status::kOk) outbox_.answer_final_ack(receiver_, push_transfer_, status);
}

void Session::on_capture(uint8_t sequence, const uint8_t* body, size_t length) {
  Capture asked;
  if (!unpack(body, length, &asked)) return outbox_.answer_error(sequence, Status::kBadLength);
  enter_run();
  const Status status = capture(asked);
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  outbox_.answer(sequence, Captured{static_cast<uint8_t>(capturing() ? 1 : 0), intake_.captured()});
}

Status Session::capture(const Capture& capture) {
  if (capture.count == 0) {
    intake_.stop_capture();
    return Status::kOk;
  }
  if (intake_.is_same(capture)) return Status::kOk;
  if (port_.sense == nullptr || port_.extract == nullptr) return Status::kNoSensor;
  if (!at_rest() || holds_delta()) return Status::kBusy;
  const Status status = intake_.check(capture);
  if (status != Status::kOk) return status;
  abandon();
  if (intake_.window() == memory_.window) watch_.spoil();
  intake_.start(capture);
  return Status::kOk;
}

void Session::on_discard(uint8_t sequence, const uint8_t* body, size_t length) {
  Discard asked;
  if (!unpack(body, length, &asked)) return outbox_.answer_error(sequence, Status::kBadLength);
  if ((asked.kind & ~(Discard::kLabel | Discard::kTest)) != 0) {
    return outbox_.answer_error(sequence, Status::kBadValue);
  }
  // A round whose head is on its way was found to have samples, and trains on them next.
  if (!samples_at_rest() || state() == State::kReceiving || state() == State::kTraining) {
    return outbox_.answer_error(sequence, Status::kBusy);
  }
  intake_.discard(asked);
  outbox_.answer(sequence, Discarded{store().count(Split::kTrain), store().count(Split::kTest)});
}

}  // namespace bytefed
