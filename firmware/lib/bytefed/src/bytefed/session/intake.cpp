#include "bytefed/session/intake.h"

#include <cstring>

#include "bytefed/learning/exact_math.h"
#include "bytefed/protocol/crc.h"

namespace bytefed {
namespace {

constexpr uint32_t kPatience = 60000;  // ms without a window after which a capture waits for no more sound

bool same(const Quantization& a, const Quantization& b) {
  return float_bits(a.scale) == float_bits(b.scale) && a.zero_point == b.zero_point;
}

// The split that `kind` of ADD or CAPTURE names.
Split split_of(uint8_t kind) {
  return (kind & Add::kTest) != 0 ? Split::kTest : Split::kTrain;
}

}  // namespace

Intake::Intake(const Memory& memory, const Identity& identity, const Port& port)
    : memory_(memory),
      identity_(identity),
      port_(port),
      store_(memory.samples, memory.capacity, memory.shape.features) {
  if (port_.extract != nullptr) store_.set_quantization(identity_.features);
}

State Intake::state() const {
  if (phase_ == Phase::kReceiving) return State::kReceiving;
  return phase_ == Phase::kExtracting ? State::kTraining : State::kIdle;
}

void Intake::abandon() {
  if (extracting()) store_.truncate(split_of(add_.kind), add_.first);  // all or nothing
  if (!capturing()) phase_ = Phase::kIdle;
  failure_ = Status::kOk;
}

void Intake::forget() {
  phase_ = Phase::kIdle;
  const Quantization none = port_.extract != nullptr ? identity_.features : Quantization{1.0f, 0};
  store_.restore(0, 0, none, static_cast<uint16_t>(store_.set() + 1));
  std::memset(memory_.samples, 0, memory_.capacity * SampleStore::record_size(memory_.shape.features));
  sensed_ = add_done_ = false;
  add_ = {};
  capture_ = {};
  captured_ = 0;
  ++changes_;
}

void Intake::discard(const Discard& discard) {
  const unsigned before = held();
  if ((discard.kind & Discard::kLabel) != 0) {
    store_.remove(discard.label);
  } else {
    const Split split = split_of(discard.kind);
    if (discard.keep < store_.count(split)) store_.truncate(split, discard.keep);
  }
  if (held() == before) return;
  add_done_ = false;  // the same ADD again would bring what is no longer here
  note_rest();
  ++changes_;
}

// A store that is empty holds nothing of the sensor either.
void Intake::note_rest() {
  if (held() == 0) sensed_ = false;
}

bool Intake::is_same(const Add& add) const {
  return add.first == add_.first && add.count == add_.count && add.kind == add_.kind && add.crc == add_.crc &&
         same({add.scale, add.zero_point}, {add_.scale, add_.zero_point});
}

Status Intake::check(const Add& add) const {
  const bool inputs = (add.kind & Add::kInputs) != 0;
  const bool anew = (add.kind & Add::kAnew) != 0;
  if (inputs && port_.extract == nullptr) return Status::kNoExtractor;
  if (!inputs && !(is_finite(add.scale) && add.scale > 0.0f)) return Status::kBadValue;
  const Split split = split_of(add.kind);
  if (add.count == 0 || add.first != (anew ? 0u : store_.count(split))) return Status::kBadValue;
  if ((anew ? 0u : held()) + add.count > store_.capacity()) return Status::kStoreFull;
  const uint8_t* const records = records_of(add);
  const size_t window = records == nullptr ? 0 : window_size(identity_.input_size, memory_.shape.features);
  return transfer_size(add) > (records == local() ? local_size() : window) ? Status::kTooLarge : Status::kOk;
}

uint8_t* Intake::records_of(const Add& add) const {
  return record_size(add) <= local_size() ? local() : reinterpret_cast<uint8_t*>(memory_.window);
}

size_t Intake::record_size(const Add& add) const {
  return 1u + ((add.kind & Add::kInputs) != 0 ? identity_.input_size : memory_.shape.features);
}

void Intake::start(const Add& add) {
  if ((add.kind & Add::kAnew) != 0) {
    store_.truncate(Split::kTrain, 0);
    store_.truncate(Split::kTest, 0);
    note_rest();
    ++changes_;
  }
  add_ = add;
  added_ = 0;
  add_done_ = false;
  phase_ = Phase::kReceiving;
}

Status Intake::records_arrived(bool proved) {
  Status status = Status::kOk;
  if (!proved || crc32(records(), transfer_size(add_)) != add_.crc) {
    status = Status::kBadCrc;
  } else if (!labels_valid()) {
    status = Status::kBadLabel;
  }
  if (status == Status::kOk) {
    phase_ = Phase::kExtracting;
    return status;
  }
  abandon();
  add_ = {};
  failure_ = status;
  return status;
}

bool Intake::labels_valid() const {
  for (uint16_t i = 0; i < add_.count; ++i) {
    if (records()[i * record_size(add_)] >= memory_.shape.classes) return false;
  }
  return true;
}

bool Intake::store_record() {
  const uint8_t* record = records() + added_ * record_size(add_);
  const int8_t* values = reinterpret_cast<const int8_t*>(record + 1);
  int8_t* features = store_.next(split_of(add_.kind));
  const bool inputs = (add_.kind & Add::kInputs) != 0;
  if (!inputs) {
    std::memcpy(features, values, memory_.shape.features);
  } else if (!port_.extract(port_.context, values, features)) {
    abandon();
    failure_ = Status::kExtractorFailed;
    return true;
  }
  store_.commit(split_of(add_.kind), *record);
  if (++added_ < add_.count) return false;
  // Not before: until all of the new samples are stored, the old ones keep their meaning.
  store_.set_quantization(inputs ? identity_.features : Quantization{add_.scale, add_.zero_point});
  phase_ = Phase::kIdle;
  add_done_ = true;
  ++changes_;
  return true;
}

bool Intake::is_same(const Capture& capture) const {
  const bool over = store_.count(split_of(capture_.kind)) == capture_.first + captured_;
  return capture.first == capture_.first && capture.count == capture_.count &&
         capture.label == capture_.label && capture.kind == capture_.kind && (capturing() || over);
}

Status Intake::check(const Capture& capture) const {
  if (capture.label >= memory_.shape.classes) return Status::kBadLabel;
  const int known = port_.level != nullptr ? Capture::kTest | Capture::kOnSound : Capture::kTest;
  if ((capture.kind & ~known) != 0 || capture.first != store_.count(split_of(capture.kind)) ||
      (held() > 0 && !same(store_.quantization(), identity_.features))) {
    return Status::kBadValue;
  }
  if (held() + capture.count > store_.capacity()) return Status::kStoreFull;
  return window() == nullptr ? Status::kTooLarge : Status::kOk;
}

int8_t* Intake::window() const {
  return identity_.input_size <= local_size() ? reinterpret_cast<int8_t*>(memory_.local) : memory_.window;
}

void Intake::start(const Capture& capture) {
  if (held() == 0) store_.set_quantization(identity_.features);
  capture_ = capture;
  captured_ = 0;
  waits_since_ = port_.millis(port_.context);
  phase_ = Phase::kCapturing;
}

void Intake::end_capture() {
  if (capturing()) phase_ = Phase::kIdle;
}

void Intake::stop_capture() {
  end_capture();
  capture_ = {};
}

bool Intake::take_window() {
  int8_t* const input = window();
  if (!port_.sense(port_.context, input)) {
    if (waits_for_sound() && port_.millis(port_.context) - waits_since_ >= kPatience) phase_ = Phase::kIdle;
    return false;
  }
  waits_since_ = port_.millis(port_.context);
  const Split split = split_of(capture_.kind);
  if (!port_.extract(port_.context, input, store_.next(split))) {
    phase_ = Phase::kIdle;  // the host learns from CAPTURED that there are fewer than it asked for
    return true;
  }
  store_.commit(split, capture_.label);
  sensed_ = true;
  ++changes_;
  if (++captured_ == capture_.count) phase_ = Phase::kIdle;
  return true;
}

SamplesRecord Intake::record() const {
  SamplesRecord record = {};
  record.train = store_.count(Split::kTrain);
  record.test = store_.count(Split::kTest);
  record.quantization = store_.quantization();
  record.add_done = add_done_;
  record.set = store_.set();
  record.sensed = sensed_ ? SamplesRecord::kSensed : uint8_t{0};
  record.add = add_;
  return record;
}

bool Intake::restore(const SamplesRecord& record) {
  if (!store_.restore(record.train, record.test, record.quantization, record.set)) return false;
  add_ = record.add;
  add_done_ = record.add_done;
  sensed_ = record.sensed == SamplesRecord::kSensed;
  return true;
}

}  // namespace bytefed
