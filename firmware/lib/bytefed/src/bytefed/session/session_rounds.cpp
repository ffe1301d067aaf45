// A round on the board: from BEGIN to RESULT.
#include <cstring>

#include "bytefed/learning/exact_math.h"
#include "bytefed/protocol/crc.h"
#include "bytefed/session/session_parts.h"

namespace bytefed {
namespace {

constexpr uint32_t kUnit = 10;  // milliseconds: waits and durations on the link

}  // namespace

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
  start_answer(Kind::kConfigured, sequence, 0);
}

void Session::on_begin(uint8_t sequence, const uint8_t* body, size_t length) {
  Begin begin;
  if (!unpack(body, length, &begin)) return answer_error(sequence, Status::kBadLength);
  if (is_kept(begin)) {
    state_ = State::kReady;
    ++round_changes_;
  }
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
  return begin.round == begin_.round && begin.head == begin_.head && begin.flags == begin_.flags;
}

bool Session::is_current(const Begin& begin) const {
  const bool head_round = state_ == State::kTraining || state_ == State::kReady ||
                          (state_ == State::kReceiving && incoming_kind_ == Incoming::kHead);
  return head_round && task_ != Task::kExtract && is_key(begin);
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
  stop_pull();
  const uint16_t index = state_ == State::kReceiving ? receiver_.first_missing() : uint16_t{0};
  answer(sequence, Accept{state_, index, expected_wait()});
  result_due_ = state_ == State::kReady;
}

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

void Session::finish_round() {
  const uint32_t elapsed = port_.millis(port_.context) - started_;
  result_.duration = saturate(elapsed / kUnit);
  if ((begin_.flags & Begin::kTrain) != 0) {
    result_.num_examples = store_.count(Split::kTrain);
    result_.loss = trainer_.mean_loss();
    result_.correct = trainer_.correct();
    measure_speed(elapsed);
    if (make_delta()) {
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

void Session::measure_speed(uint32_t elapsed) {
  const uint64_t microseconds = static_cast<uint64_t>(elapsed) * 1000u / trainer_.samples();
  sample_time_ = microseconds > 0 ? static_cast<uint32_t>(microseconds) : 1;
}

uint16_t Session::expected_wait() const {
  const bool training = (begin_.flags & Begin::kTrain) != 0 && state_ != State::kReady;
  if (!training || sample_time_ == 0) return 0;
  const uint64_t samples = state_ == State::kTraining
                               ? trainer_.samples_left()
                               : static_cast<uint64_t>(config_.epochs) * store_.count(Split::kTrain);
  return saturate(samples * sample_time_ / (1000u * kUnit) + 1);
}

void Session::forget_round() {
  if (task_ == Task::kExtract) store_.truncate(split_of(add_.kind), add_.first);  // all or nothing
  if (state_ == State::kReady) ++round_changes_;
  state_ = State::kIdle;
  if (!capturing()) task_ = Task::kNone;
  stop_pull();
  result_due_ = false;
  failure_ = Status::kOk;
}

}  // namespace bytefed
