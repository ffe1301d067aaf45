// The course of a round: its request, the head, evaluation and training, the result.
#include "bytefed/session/round.h"

#include <cstring>

#include "bytefed/learning/exact_math.h"
#include "bytefed/protocol/crc.h"

namespace bytefed {
namespace {

constexpr uint32_t kUnit = 10;  // milliseconds: waits and durations on the link

// Largest rate * proximal_mu. A host that may pull the head back whole before each step reads samples out of
// deltas. 0.01, and so much more that 0.1f * 0.1f passes.
constexpr float kMaxPull = 0.0100001f;

uint16_t saturate(uint64_t value) {
  return static_cast<uint16_t>(value < 0xFFFFu ? value : 0xFFFFu);
}

}  // namespace

Round::Round(const Memory& memory, const Port& port, const SampleStore& store)
    : memory_(memory), port_(port), store_(store) {
  std::memset(memory_.global, 0, sizeof(float) * parameters());
  forget_residual();
}

void Round::start_run(uint32_t run) {
  abandon();
  run_ = run;
  number_ = 0;
  kept_ = false;
  forget_residual();
  ++changes_;
}

void Round::forget() {
  start_run(kVisit);
  std::memset(memory_.global, 0, sizeof(float) * parameters());
  request_ = {};
  result_ = {};
  sample_time_ = 0;
}

Status Round::configure(const Config& config) {
  if (!supports(config.codec_down) || !supports(config.codec_up)) return Status::kUnknownCodec;
  if (config.epochs == 0 || config.batch == 0 || config.batch > memory_.max_batch ||
      !is_finite(config.rate) || config.rate < 0.0f || !is_finite(config.proximal_mu) ||
      config.proximal_mu < 0.0f || !(config.rate * config.proximal_mu <= kMaxPull)) {
    return Status::kBadValue;
  }
  config_ = config;
  configured_ = true;
  return Status::kOk;
}

bool Round::is_current(const RoundRequest& request) const {
  return state_ != State::kIdle && request.round == request_.round && request.head == request_.head &&
         request.flags == request_.flags;
}

Status Round::check(const RoundRequest& request) const {
  if (request.round == 0) return Status::kBadValue;
  if (request.round < number_) return Status::kStaleRound;
  return supports(request.codec) ? Status::kOk : Status::kUnknownCodec;
}

Status Round::check_training(const RoundRequest& request) const {
  if ((request.flags & RoundFlag::kTrain) == 0) return Status::kOk;
  if (!configured_) return Status::kNoConfig;
  return store_.count(Split::kTrain) == 0 ? Status::kNoSamples : Status::kOk;
}

// No two sizes are the same: a float32 head is longer than any lossy blob of its P >= 4 parameters.
Status Round::find_codec(size_t size, uint8_t* codec) const {
  *codec = static_cast<uint8_t>(Codec::kFloat32);
  if (size == sizeof(float) * parameters()) return Status::kOk;
  if (!configured_) return Status::kNoConfig;
  *codec = config_.codec_down;
  return size == blob_size(static_cast<Codec>(*codec), parameters()) ? Status::kOk : Status::kBadLength;
}

void Round::start(const RoundRequest& request) {
  const bool again = (request.flags & RoundFlag::kTrain) != 0 && request.round == request_.round;
  retire_delta(!again && (request.flags & RoundFlag::kUncounted) == 0);
  abandon();
  request_ = request;
  number_ = request.round;
  state_ = State::kReceiving;
}

Status Round::take_head(bool proved) {
  const Codec codec = static_cast<Codec>(request_.codec);
  if (is_lossy(codec)) {
    decode(codec, parameters(), downlink_seed(request_.round), blob(codec), memory_.local);
    for (size_t i = 0; i < parameters(); ++i) memory_.local[i] += memory_.global[i];
  }
  return judge_head(proved);
}

Status Round::take_held_head() {
  std::memcpy(memory_.local, memory_.global, sizeof(float) * parameters());
  return judge_head(true);
}

// Makes the head in `local` the global one, if it is the one announced.
Status Round::judge_head(bool proved) {
  const size_t size = sizeof(float) * parameters();
  Status status = Status::kOk;
  if (!proved || crc32(memory_.local, size) != request_.head) {
    status = Status::kBadCrc;
  } else if (!all_finite(memory_.local, parameters())) {
    status = Status::kNotFinite;
  }
  if (status != Status::kOk) {
    abandon();
    failure_ = status;
    return status;
  }
  std::memcpy(memory_.global, memory_.local, size);
  ++changes_;
  return status;
}

void Round::start_training() {
  state_ = State::kTraining;
  result_ = {};
  evaluated_ = 0;
  started_ = port_.millis(port_.context);
  if (trains()) {
    const TrainingConfig config = {config_.epochs, config_.batch,       config_.rate,
                                   config_.seed,   config_.proximal_mu, memory_.global};
    delta_codec_ = static_cast<Codec>(config_.codec_up);
    delta_seed_ = uplink_seed(config_.seed, request_.round);
    trainer_.start(memory_.shape, memory_.local, store_, config, request_.round, memory_.workspace);
  }
  evaluating_ = wants_statistics();
}

bool Round::step() {
  if (evaluating_) {
    evaluate_one();
    return false;
  }
  if (trains() && trainer_.step()) return false;
  finish();
  return true;
}

void Round::evaluate_one() {
  if (evaluated_ == store_.count(Split::kTest)) {
    evaluating_ = false;
    return;
  }
  const Sample sample = store_.get(Split::kTest, evaluated_++);
  float* z = memory_.workspace;
  logits(memory_.global, sample.features, store_.quantization(), memory_.shape, z);
  if (argmax(z, memory_.shape.classes) == sample.label) ++result_.test_correct;
}

void Round::finish() {
  const uint32_t elapsed = port_.millis(port_.context) - started_;
  result_.duration = saturate(elapsed / kUnit);
  if (trains()) {
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
  state_ = State::kReady;
  ++changes_;
}

void Round::measure_speed(uint32_t elapsed) {
  const uint64_t microseconds = static_cast<uint64_t>(elapsed) * 1000u / trainer_.samples();
  sample_time_ = microseconds > 0 ? static_cast<uint32_t>(microseconds) : 1;
}

uint16_t Round::expected_wait() const {
  const bool training = trains() && state_ != State::kReady;
  if (!training || sample_time_ == 0) return 0;
  const uint64_t samples = state_ == State::kTraining
                               ? trainer_.samples_left()
                               : static_cast<uint64_t>(config_.epochs) * store_.count(Split::kTrain);
  return saturate(samples * sample_time_ / (1000u * kUnit) + 1);
}

void Round::abandon() {
  ++changes_;  // what comes next takes `local`, which is saved whether it has a delta or not
  state_ = State::kIdle;
  failure_ = Status::kOk;
}

}  // namespace bytefed
