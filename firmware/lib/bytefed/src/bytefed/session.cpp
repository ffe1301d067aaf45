#include "bytefed/session.h"

#include <cstring>

#include "bytefed/crc.h"
#include "bytefed/exact_math.h"

namespace bytefed {
namespace {

constexpr uint32_t kUnit = 10;  // milliseconds: waits and durations on the link

uint16_t saturate(uint32_t value) {
  return static_cast<uint16_t>(value < 0xFFFFu ? value : 0xFFFFu);
}

bool same(const Add& a, const Add& b) {
  return a.first == b.first && a.count == b.count && a.kind == b.kind && a.crc == b.crc &&
         float_bits(a.scale) == float_bits(b.scale) && a.zero_point == b.zero_point;
}

bool same(const Quantization& a, const Quantization& b) {
  return float_bits(a.scale) == float_bits(b.scale) && a.zero_point == b.zero_point;
}

bool same(const Capture& a, const Capture& b) {
  return a.first == b.first && a.count == b.count && a.label == b.label && a.kind == b.kind;
}

Split split_of(uint8_t kind) {
  return (kind & Add::kTest) != 0 ? Split::kTest : Split::kTrain;
}

void refuse(Link* link, uint8_t sequence, Status status) {
  uint8_t frame[kHeaderSize + Error::kSize];
  pack_control_header(Kind::kError, sequence, frame);
  pack(Error{status}, frame + kHeaderSize);
  link->send(link->context, frame, sizeof frame);  // without room it is lost: the host asks again
}

}  // namespace

Session::Session(const Memory& memory, const Identity& identity, const Port& port)
    : memory_(memory),
      identity_(identity),
      port_(port),
      store_(memory.samples, memory.capacity, memory.shape.features) {
  std::memset(memory_.global, 0, sizeof(float) * memory_.shape.parameters());
  forget_residual();
  if (port_.extract != nullptr) store_.set_quantization(identity_.features);
}

// ---- Requests

void Session::receive(Link* link, const uint8_t* frame, size_t length) {
  if (length < kHeaderSize || length > kMaxFrame) return;
  if (is_data(frame)) {
    if (link == link_) on_data(frame, length);
    return;
  }
  on_control(link, static_cast<Kind>(frame[0]), frame[1], frame + kHeaderSize, length - kHeaderSize);
}

void Session::on_control(Link* link, Kind kind, uint8_t sequence, const uint8_t* body, size_t length) {
  if (kind == Kind::kHello) return on_hello(link, sequence, body, length);
  // The session belongs to the link of the last HELLO.
  if (link != link_) return refuse(link, sequence, Status::kNoSession);
  switch (kind) {
    case Kind::kInfo: return on_info(sequence);
    case Kind::kConfig: return on_config(sequence, body, length);
    case Kind::kBegin: return on_begin(sequence, body, length);
    case Kind::kGet: return on_get(sequence, body, length);
    case Kind::kPoll: return on_poll(sequence);
    case Kind::kStore: return on_store(sequence);
    case Kind::kAdd: return on_add(sequence, body, length);
    case Kind::kCapture: return on_capture(sequence, body, length);
    case Kind::kSave: return on_save(sequence);
    case Kind::kAbout: return on_about(sequence);
    default: return answer_error(sequence, Status::kUnknownKind);
  }
}

void Session::on_hello(Link* link, uint8_t sequence, const uint8_t* body, size_t length) {
  Hello hello;
  if (!unpack(body, length, &hello)) return refuse(link, sequence, Status::kBadLength);
  if (hello.version_min > kProtocolVersion || hello.version_max < kProtocolVersion) {
    return refuse(link, sequence, Status::kBadVersion);
  }
  if (hello.frame_limit < kMinFrame) return refuse(link, sequence, Status::kBadValue);
  const uint8_t limit = hello.frame_limit < link->frame_limit ? hello.frame_limit : link->frame_limit;
  link_ = link;
  sender_.stop();
  result_due_ = false;
  configured_ = false;
  if (hello.run != run_ && hello.run != kVisit) {
    run_ = hello.run;
    round_ = 0;
    forget_round();
    kept_ = false;
    forget_residual();
    ++round_changes_;
  } else if (state_ == State::kReceiving && (incoming_kind_ == Incoming::kSamples || limit != frame_limit_ ||
                                             link->window != receiver_.window())) {
    forget_round();  // chunks of another size would land elsewhere
  }
  frame_limit_ = limit;
  answer(sequence, Welcome{kProtocolVersion, state_, identity_.boot, run_, round_, hello.nonce, frame_limit_,
                           link_->window});
}

void Session::on_info(uint8_t sequence) {
  answer(sequence, Board{identity_.uid, identity_.capabilities, memory_.shape.features, memory_.shape.classes,
                         identity_.model});
}

void Session::on_config(uint8_t sequence, const uint8_t* body, size_t length) {
  Config config;
  if (!unpack(body, length, &config)) return answer_error(sequence, Status::kBadLength);
  if (!can(config.codec)) return answer_error(sequence, Status::kUnknownCodec);
  if (config.epochs == 0 || config.batch == 0 || config.batch > memory_.max_batch ||
      !is_finite(config.rate) || config.rate < 0.0f || !is_finite(config.proximal_mu) ||
      config.proximal_mu < 0.0f) {
    return answer_error(sequence, Status::kBadValue);
  }
  config_ = config;
  configured_ = true;
  uint8_t* frame = answer_;
  pack_control_header(Kind::kConfigured, sequence, frame);
  answer_length_ = kHeaderSize;
}

void Session::on_begin(uint8_t sequence, const uint8_t* body, size_t length) {
  Begin begin;
  if (!unpack(body, length, &begin)) return answer_error(sequence, Status::kBadLength);
  if (is_kept(begin)) revive();
  if (is_current(begin)) return accept(sequence);
  const Status status = check_begin(begin);
  if (status != Status::kOk) return answer_error(sequence, status);
  const Codec codec = static_cast<Codec>(begin.codec);
  const size_t size = blob_size(codec, parameters());
  const bool is_inline = kHeaderSize + Begin::kSize + size <= frame_limit_;
  if (is_inline && length < Begin::kSize + size) return answer_error(sequence, Status::kBadLength);
  const ChunkPlan chunks = plan(size, link_->window);
  if (!is_inline && !chunks.valid()) return answer_error(sequence, Status::kTooLarge);

  const bool again = (begin.flags & Begin::kTrain) != 0 && begin.round == begin_.round;
  settle(!again && (begin.flags & Begin::kUncounted) == 0);
  forget_round();
  begin_ = begin;
  round_ = begin.round;
  incoming_kind_ = Incoming::kHead;
  state_ = State::kReceiving;
  receiver_.start(blob(codec), chunks);
  if (is_inline) {
    std::memcpy(blob(codec), body + Begin::kSize, size);
    const Status taken = take_head();
    if (taken != Status::kOk) return answer_error(sequence, taken);
    start_training();
  }
  accept(sequence);
}

bool Session::is_key(const Begin& begin) const {
  return begin.round == begin_.round && begin.head == begin_.head && begin.flags == begin_.flags &&
         begin.codec == begin_.codec;
}

bool Session::is_current(const Begin& begin) const {
  const bool head_round = state_ == State::kTraining || state_ == State::kReady ||
                          (state_ == State::kReceiving && incoming_kind_ == Incoming::kHead);
  return head_round && task_ != Task::kExtract && is_key(begin);
}

// A delta stays until something takes its place: what made the board forget it may have been an old ACK.
bool Session::is_kept(const Begin& begin) const {
  return state_ == State::kIdle && kept_ && is_key(begin);
}

void Session::revive() {
  state_ = State::kReady;
  has_delta_ = true;
}

Status Session::check_begin(const Begin& begin) const {
  constexpr uint8_t known = Begin::kTrain | Begin::kEvaluate | Begin::kUncounted;
  if (begin.round == 0 || (begin.flags & ~known) != 0) return Status::kBadValue;
  if (begin.round < round_) return Status::kStaleRound;
  if (!can(begin.codec)) return Status::kUnknownCodec;
  if (task_ == Task::kExtract || capturing()) return Status::kBusy;
  if ((begin.flags & Begin::kTrain) != 0) {
    if (!configured_) return Status::kNoConfig;
    if (store_.count(Split::kTrain) == 0) return Status::kNoSamples;
  }
  return Status::kOk;
}

void Session::accept(uint8_t sequence) {
  begin_sequence_ = sequence;
  push_transfer_ = pull_transfer_ = sequence & 3u;
  pull_chunks_ = 0;
  const uint16_t index = state_ == State::kReceiving ? receiver_.first_missing() : uint16_t{0};
  answer(sequence, Accept{state_, index, expected_wait()});
  result_due_ = state_ == State::kReady;
}

void Session::on_get(uint8_t sequence, const uint8_t* body, size_t length) {
  Get get;
  if (!unpack(body, length, &get)) return answer_error(sequence, Status::kBadLength);
  if (state_ != State::kReady || !has_delta_) return answer_error(sequence, Status::kBusy);
  const ChunkPlan chunks = plan(blob_size(delta_codec_, parameters()), get.window);
  if (!chunks.valid() || get.index >= chunks.count()) {
    return answer_error(sequence, Status::kBadValue);
  }
  pull_transfer_ = sequence & 3u;
  pull_chunks_ = chunks.count();
  sender_.start(blob(delta_codec_), chunks);
  sender_.request(get.index, nullptr, 0);
}

void Session::on_poll(uint8_t sequence) {
  if (sequence == add_sequence_ && incoming_kind_ == Incoming::kSamples) {
    if (state_ == State::kReceiving) return answer_ack();
    if (task_ == Task::kExtract) return answer(sequence, Accept{State::kTraining, 0, 0});
    return answer_final_ack(failure_);
  }
  if (sequence != begin_sequence_ || incoming_kind_ != Incoming::kHead) {
    return answer_error(sequence, Status::kNoSession);
  }
  switch (state_) {
    case State::kReceiving: return answer_ack();
    case State::kTraining: return answer(sequence, Accept{state_, 0, expected_wait()});
    case State::kReady: result_due_ = true; return;
    case State::kIdle: return answer_error(sequence, failure_ == Status::kOk ? Status::kBusy : failure_);
  }
}

void Session::on_store(uint8_t sequence) {
  const size_t buffer = sizeof(float) * memory_.shape.parameters();  // also the size of the head
  answer(sequence,
         Stored{store_.capacity(), store_.count(Split::kTrain), store_.count(Split::kTest), store_.crc(),
                memory_.max_batch, saturate(static_cast<uint32_t>(buffer)), crc32(memory_.global, buffer)});
}

// ---- Data frames

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

// ---- Rounds

void Session::head_arrived() {
  const Status status = take_head();
  answer_final_ack(status);
  if (status == Status::kOk) start_training();
}

// Checks the blob and makes it the global head. A bad one leaves the old head as it was.
Status Session::take_head() {
  const size_t size = sizeof(float) * parameters();
  const Codec codec = static_cast<Codec>(begin_.codec);
  if (is_lossy(codec)) {
    decode(codec, parameters(), downlink_seed(begin_.round), blob(codec), memory_.local);
    for (size_t i = 0; i < parameters(); ++i) memory_.local[i] += memory_.global[i];
  }
  Status status = Status::kOk;
  if (crc32(incoming(), size) != begin_.head) {
    status = Status::kBadCrc;
  } else if (!all_finite(memory_.local, parameters())) {
    status = Status::kNotFinite;
  }
  if (status != Status::kOk) {
    forget_round();
    failure_ = status;
    return status;
  }
  std::memcpy(memory_.global, memory_.local, size);
  ++round_changes_;
  return status;
}

void Session::start_training() {
  state_ = State::kTraining;
  result_ = {};
  evaluated_ = 0;
  started_ = port_.millis(port_.context);
  if ((begin_.flags & Begin::kTrain) != 0) {
    const TrainingConfig config = {config_.epochs, config_.batch,       config_.rate,
                                   config_.seed,   config_.proximal_mu, memory_.global};
    delta_codec_ = static_cast<Codec>(config_.codec);
    delta_seed_ = uplink_seed(config_.seed, begin_.round);
    trainer_.start(memory_.shape, memory_.local, store_, config, begin_.round, memory_.workspace);
  }
  task_ = (begin_.flags & Begin::kEvaluate) != 0 ? Task::kEvaluate : Task::kTrain;
}

void Session::evaluate_one() {
  if (evaluated_ == store_.count(Split::kTest)) {
    task_ = Task::kTrain;
    return;
  }
  const Sample sample = store_.get(Split::kTest, evaluated_++);
  float* z = memory_.workspace;
  logits(memory_.global, sample.features, store_.quantization(), memory_.shape, z);
  if (argmax(z, memory_.shape.classes) == sample.label) ++result_.test_correct;
}

void Session::finish_round(Status status) {
  const uint32_t elapsed = port_.millis(port_.context) - started_;
  result_.status = status;
  result_.duration = saturate(elapsed / kUnit);
  if ((begin_.flags & Begin::kTrain) != 0) {
    result_.num_examples = store_.count(Split::kTrain);
    result_.loss = trainer_.mean_loss();
    result_.correct = trainer_.correct();
    measure_speed(elapsed);
    has_delta_ = make_delta();
    if (has_delta_) {
      result_.crc = crc32(blob(delta_codec_), blob_size(delta_codec_, parameters()));
    } else {
      result_.status = Status::kNotFinite;
    }
  }
  task_ = Task::kNone;
  state_ = State::kReady;
  result_due_ = true;
  ++round_changes_;
}

// Makes the delta's blob of the local head, and leaves in `local` what it lacks. False when training
// diverged.
bool Session::make_delta() {
  for (size_t i = 0; i < parameters(); ++i) memory_.local[i] -= memory_.global[i];
  if (!all_finite(memory_.local, parameters())) return false;
  if (is_lossy(delta_codec_)) {
    for (size_t i = 0; i < parameters(); ++i) memory_.local[i] += memory_.residual[i];
    encode(delta_codec_, parameters(), delta_seed_, memory_.local, blob(delta_codec_));
    if (!all_finite(memory_.local, parameters())) return false;
  }
  kept_ = true;
  counted_ = false;
  return true;
}

// Before something else takes the place of the delta. If it did not count, it is as if it had never been
// made.
void Session::settle(bool counted) {
  if (kept_ && counted && is_lossy(delta_codec_)) {
    std::memcpy(memory_.residual, memory_.local, sizeof(float) * parameters());
  }
  kept_ = false;
}

void Session::forget_residual() {
  if (memory_.residual == nullptr) return;
  std::memset(memory_.residual, 0, sizeof(float) * parameters());
}

// Lossy codecs need memory that a board may do without.
bool Session::can(uint8_t codec) const {
  return known_codec(codec) && (memory_.residual != nullptr || !is_lossy(static_cast<Codec>(codec)));
}

void Session::measure_speed(uint32_t elapsed) {
  const uint32_t samples = static_cast<uint32_t>(config_.epochs) * result_.num_examples;
  const uint64_t microseconds = static_cast<uint64_t>(elapsed) * 1000u / samples;
  sample_time_ = microseconds > 0 ? static_cast<uint32_t>(microseconds) : 1;
}

uint16_t Session::expected_wait() const {
  const bool training = (begin_.flags & Begin::kTrain) != 0 && state_ != State::kReady;
  if (!training || sample_time_ == 0) return 0;
  const uint64_t samples = state_ == State::kTraining
                               ? trainer_.samples_left()
                               : static_cast<uint64_t>(config_.epochs) * store_.count(Split::kTrain);
  const uint64_t units = samples * sample_time_ / (1000u * kUnit) + 1;
  return units < 0xFFFFu ? static_cast<uint16_t>(units) : uint16_t{0xFFFF};
}

void Session::forget_round() {
  if (task_ == Task::kExtract) store_.truncate(split_of(add_.kind), add_.first);  // all or nothing
  if (state_ == State::kReady) ++round_changes_;
  state_ = State::kIdle;
  if (!capturing()) task_ = Task::kNone;
  sender_.stop();
  has_delta_ = false;
  result_due_ = false;
  failure_ = Status::kOk;
}

// ---- Samples

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
  receiver_.start(incoming(), plan(add.count * add_record_size(), link_->window));
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
  const size_t record = 1u + (inputs ? identity_.input_size : memory_.shape.features);
  const size_t size = add.count * record;
  if (size > sizeof(float) * memory_.shape.parameters() || !plan(size, link_->window).valid()) {
    return Status::kTooLarge;
  }
  return Status::kOk;
}

size_t Session::add_record_size() const {
  return 1u + ((add_.kind & Add::kInputs) != 0 ? identity_.input_size : memory_.shape.features);
}

void Session::samples_arrived() {
  Status status = Status::kOk;
  if (crc32(incoming(), add_.count * add_record_size()) != add_.crc) {
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
  const bool inputs = (add_.kind & Add::kInputs) != 0;
  store_.set_quantization(inputs ? identity_.features : Quantization{add_.scale, add_.zero_point});
  state_ = State::kTraining;
  task_ = Task::kExtract;
}

bool Session::labels_valid() const {
  for (uint16_t i = 0; i < add_.count; ++i) {
    if (incoming()[i * add_record_size()] >= memory_.shape.classes) return false;
  }
  return true;
}

void Session::take_record() {
  const uint8_t* record = incoming() + added_ * add_record_size();
  const int8_t* values = reinterpret_cast<const int8_t*>(record + 1);
  int8_t* features = store_.next(split_of(add_.kind));
  Status status = Status::kOk;
  if ((add_.kind & Add::kInputs) == 0) {
    std::memcpy(features, values, memory_.shape.features);
  } else if (!port_.extract(port_.context, values, features)) {
    status = Status::kExtractorFailed;
  }
  if (status == Status::kOk) {
    store_.commit(split_of(add_.kind), *record);
    if (++added_ < add_.count) return;
    task_ = Task::kNone;
    add_done_ = true;
    ++sample_changes_;
  }
  forget_round();
  failure_ = status;
  answer_final_ack(status);
}

// ---- Samples from the sensor

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

// ---- What outlives a loss of power

void Session::on_save(uint8_t sequence) {
  if (port_.save == nullptr) return answer_error(sequence, Status::kNoStorage);
  if (!at_rest()) return answer_error(sequence, Status::kBusy);
  if (!port_.save(port_.context)) return answer_error(sequence, Status::kStorageFailed);
  pack_control_header(Kind::kSaved, sequence, answer_);
  answer_length_ = kHeaderSize;
}

RoundRecord Session::round_record() const {
  RoundRecord record = {};
  record.run = run_;
  record.round = round_;
  record.state = state_;
  record.begin = begin_;
  record.result = result_;
  record.has_delta = has_delta_;
  record.kept = kept_;
  record.counted = counted_;
  record.delta_codec = delta_codec_;
  record.delta_seed = delta_seed_;
  record.sample_time = sample_time_;
  return record;
}

bool Session::restore(const RoundRecord& record) {
  const bool ready = record.state == State::kReady;
  if ((record.state != State::kIdle && !ready) || (record.has_delta && !ready) ||
      !can(static_cast<uint8_t>(record.delta_codec))) {
    return false;
  }
  run_ = record.run;
  round_ = record.round;
  state_ = record.state;
  begin_ = record.begin;
  result_ = record.result;
  has_delta_ = record.has_delta;
  kept_ = record.kept;
  counted_ = record.counted;
  delta_codec_ = record.delta_codec;
  delta_seed_ = record.delta_seed;
  sample_time_ = record.sample_time;
  return true;
}

SamplesRecord Session::samples_record() const {
  return {store_.count(Split::kTrain), store_.count(Split::kTest), store_.quantization(), add_done_, add_};
}

bool Session::restore(const SamplesRecord& record) {
  if (!store_.restore(record.train, record.test, record.quantization)) return false;
  add_ = record.add;
  add_done_ = record.add_done;
  return true;
}

void Session::on_about(uint8_t sequence) {
  if (port_.about == nullptr) return answer_error(sequence, Status::kUnknownKind);
  Details details = {};
  port_.about(port_.context, &details);
  answer(sequence, details);
}

// ---- Answers

ChunkPlan Session::plan(size_t length, uint8_t window) const {
  return {length, frame_limit_ - kHeaderSize, window};
}

template <typename M>
void Session::answer(uint8_t sequence, const M& message) {
  pack_control_header(M::kKind, sequence, answer_);
  pack(message, answer_ + kHeaderSize);
  answer_length_ = kHeaderSize + M::kSize;
}

void Session::answer_ack() {
  answer_length_ = static_cast<uint8_t>(receiver_.pack_ack(push_transfer_, answer_));
}

void Session::answer_final_ack(Status status) {
  pack(DataHeader{push_transfer_, false, receiver_.count()}, answer_);
  answer_[kHeaderSize] = static_cast<uint8_t>(status);
  answer_length_ = kHeaderSize + 1;
}

bool Session::poll() {
  if (link_ != nullptr && !send_due()) return true;  // the link is full: try again
  bool waiting = false;                              // for the sensor
  switch (task_) {
    case Task::kEvaluate: evaluate_one(); break;
    case Task::kTrain:
      if ((begin_.flags & Begin::kTrain) == 0 || !trainer_.step()) finish_round(Status::kOk);
      break;
    case Task::kExtract: take_record(); break;
    case Task::kCapture: waiting = !take_window(); break;
    case Task::kNone: break;
  }
  return (task_ != Task::kNone && !waiting) || answer_length_ != 0 || result_due_ || sender_.pending();
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
  const size_t size = has_delta_ ? blob_size(delta_codec_, parameters()) : 0;
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
