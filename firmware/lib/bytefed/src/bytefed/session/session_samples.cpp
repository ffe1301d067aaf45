// Samples that the host gives.
#include <cstring>

#include "bytefed/learning/exact_math.h"
#include "bytefed/protocol/crc.h"
#include "bytefed/session/session_parts.h"

namespace bytefed {
namespace {

bool same(const Add& a, const Add& b) {
  return a.first == b.first && a.count == b.count && a.kind == b.kind && a.crc == b.crc &&
         float_bits(a.scale) == float_bits(b.scale) && a.zero_point == b.zero_point;
}

}  // namespace

void Session::on_store(uint8_t sequence) {
  const size_t buffer = sizeof(float) * memory_.shape.parameters();  // also the size of the head
  answer(sequence, Stored{store_.capacity(), store_.count(Split::kTrain), store_.count(Split::kTest),
                          store_.crc(), memory_.max_batch, saturate(buffer), crc32(memory_.global, buffer)});
}

void Session::on_add(uint8_t sequence, const uint8_t* body, size_t length) {
  Add add;
  if (!unpack(body, length, &add)) return answer_error(sequence, Status::kBadLength);
  const bool under_way =
      task_ == Task::kExtract || (state_ == State::kReceiving && incoming_kind_ == Incoming::kSamples);
  if (same(add, add_) && (add_done_ || under_way)) {
    if (!under_way) return answer(sequence, Added{0, 0});
    add_sequence_ = sequence;
    push_transfer_ = sequence & 3u;
    return answer(sequence, Added{1, receiver_.first_missing()});
  }
  const Status status = check_add(add);
  if (status != Status::kOk) return answer_error(sequence, status);
  if ((add.kind & Add::kAnew) != 0) {
    store_.truncate(Split::kTrain, 0);
    store_.truncate(Split::kTest, 0);
    ++sample_changes_;
  }
  settle(counted_);
  forget_round();
  add_ = add;
  added_ = 0;
  add_done_ = false;
  add_sequence_ = sequence;
  push_transfer_ = sequence & 3u;
  incoming_kind_ = Incoming::kSamples;
  state_ = State::kReceiving;
  receiver_.start(incoming(), plan(add.count * record_size(add_), link_->window));
  answer(sequence, Added{1, 0});
}

Status Session::check_add(const Add& add) const {
  if (state_ == State::kTraining || state_ == State::kReady || capturing()) return Status::kBusy;
  const bool inputs = (add.kind & Add::kInputs) != 0;
  const bool anew = (add.kind & Add::kAnew) != 0;
  if (inputs && port_.extract == nullptr) return Status::kNoExtractor;
  if (!inputs && !(is_finite(add.scale) && add.scale > 0.0f)) return Status::kBadValue;
  const Split split = split_of(add.kind);
  const unsigned held = anew ? 0u : store_.count(Split::kTrain) + store_.count(Split::kTest);
  if (add.count == 0 || add.first != (anew ? 0u : store_.count(split))) return Status::kBadValue;
  if (held + add.count > store_.capacity()) return Status::kStoreFull;
  const size_t size = add.count * record_size(add);
  if (size > sizeof(float) * memory_.shape.parameters() || !plan(size, link_->window).valid()) {
    return Status::kTooLarge;
  }
  return Status::kOk;
}

size_t Session::record_size(const Add& add) const {
  return 1u + ((add.kind & Add::kInputs) != 0 ? identity_.input_size : memory_.shape.features);
}

void Session::samples_arrived() {
  Status status = Status::kOk;
  if (crc32(incoming(), add_.count * record_size(add_)) != add_.crc) {
    status = Status::kBadCrc;
  } else if (!labels_valid()) {
    status = Status::kBadLabel;
  }
  if (status != Status::kOk) {
    forget_round();
    add_ = {};
    failure_ = status;
    return answer_final_ack(status);
  }
  state_ = State::kTraining;
  task_ = Task::kExtract;
}

bool Session::labels_valid() const {
  for (uint16_t i = 0; i < add_.count; ++i) {
    if (incoming()[i * record_size(add_)] >= memory_.shape.classes) return false;
  }
  return true;
}

void Session::take_record() {
  const uint8_t* record = incoming() + added_ * record_size(add_);
  const int8_t* values = reinterpret_cast<const int8_t*>(record + 1);
  int8_t* features = store_.next(split_of(add_.kind));
  const bool inputs = (add_.kind & Add::kInputs) != 0;
  Status status = Status::kOk;
  if (!inputs) {
    std::memcpy(features, values, memory_.shape.features);
  } else if (!port_.extract(port_.context, values, features)) {
    status = Status::kExtractorFailed;
  }
  if (status == Status::kOk) {
    store_.commit(split_of(add_.kind), *record);
    if (++added_ < add_.count) return;
    // Only now: the samples that were there before keep their meaning until all of the new ones are.
    store_.set_quantization(inputs ? identity_.features : Quantization{add_.scale, add_.zero_point});
    task_ = Task::kNone;
    add_done_ = true;
    ++sample_changes_;
  }
  forget_round();
  failure_ = status;
  answer_final_ack(status);
}

}  // namespace bytefed
