// Samples that the board takes from its own sensor.
#include "bytefed/learning/exact_math.h"
#include "bytefed/session/session_parts.h"

namespace bytefed {
namespace {

bool same(const Quantization& a, const Quantization& b) {
  return float_bits(a.scale) == float_bits(b.scale) && a.zero_point == b.zero_point;
}

bool same(const Capture& a, const Capture& b) {
  return a.first == b.first && a.count == b.count && a.label == b.label && a.kind == b.kind;
}

}  // namespace

void Session::on_capture(uint8_t sequence, const uint8_t* body, size_t length) {
  Capture asked;
  if (!unpack(body, length, &asked)) return answer_error(sequence, Status::kBadLength);
  const Status status = capture(asked);
  if (status != Status::kOk) return answer_error(sequence, status);
  answer(sequence, Captured{static_cast<uint8_t>(capturing() ? 1 : 0), captured_});
}

Status Session::capture(const Capture& capture) {
  if (capture.count == 0) {  // stops
    if (capturing()) task_ = Task::kNone;
    return Status::kOk;
  }
  const bool over = store_.count(split_of(capture_.kind)) == capture_.first + captured_;
  if (same(capture, capture_) && (capturing() || over)) return Status::kOk;
  const Status status = check_capture(capture);
  if (status != Status::kOk) return status;
  if (store_.count(Split::kTrain) + store_.count(Split::kTest) == 0)
    store_.set_quantization(identity_.features);
  settle(counted_);  // windows come where the delta was
  forget_round();
  capture_ = capture;
  captured_ = 0;
  task_ = Task::kCapture;
  return Status::kOk;
}

Status Session::check_capture(const Capture& capture) const {
  if (port_.sense == nullptr || port_.extract == nullptr) return Status::kNoSensor;
  if (!at_rest() || state_ == State::kReady) return Status::kBusy;
  if (capture.label >= memory_.shape.classes) return Status::kBadLabel;
  const unsigned held = store_.count(Split::kTrain) + store_.count(Split::kTest);
  if ((capture.kind & ~Capture::kTest) != 0 || capture.first != store_.count(split_of(capture.kind)) ||
      (held > 0 && !same(store_.quantization(), identity_.features))) {
    return Status::kBadValue;
  }
  if (held + capture.count > store_.capacity()) return Status::kStoreFull;
  if (identity_.input_size > sizeof(float) * parameters()) return Status::kTooLarge;
  return Status::kOk;
}

// False when the sensor's next window is not complete yet.
bool Session::take_window() {
  int8_t* input = reinterpret_cast<int8_t*>(memory_.local);
  if (!port_.sense(port_.context, input)) return false;
  const Split split = split_of(capture_.kind);
  if (!port_.extract(port_.context, input, store_.next(split))) {
    task_ = Task::kNone;  // CAPTURED says how many there are
    return true;
  }
  store_.commit(split, capture_.label);
  ++sample_changes_;
  if (++captured_ == capture_.count) task_ = Task::kNone;
  return true;
}

}  // namespace bytefed
