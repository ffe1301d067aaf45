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
    : memory_(memory), port_(port), store_(store), budget_(port) {
  clear_heads();
  forget_residual();
}

void Round::clear_heads() {
  const size_t size = sizeof(float) * memory_.largest().parameters();
  std::memset(memory_.global, 0, size);
  if (memory_.personal != nullptr) std::memset(memory_.personal, 0, size);
  has_personal_ = false;
}

void Round::resize(HeadShape from) {
  abandon();
  kept_ = false;
  result_ = {};
  float* const heads[] = {memory_.global, memory_.residual, memory_.personal};
  for (float* const head : heads) {
    if (head != nullptr) resize_head(head, from, memory_.shape);
  }
}

void Round::start_run(uint32_t run) {
  abandon();
  masked_ = masked_ && run == run_;
  masks_.forget();
  run_ = run;
  number_ = 0;
  kept_ = false;
  forget_residual();
  ++changes_;
}

void Round::forget() {
  start_run(kVisit);
  clear_heads();
  request_ = {};
  result_ = {};
  sample_time_ = 0;
}

Status Round::configure(const Config& config) {
  if (!supports(config.codec_down) || !supports(codec_of(config.codec_up))) return Status::kUnknownCodec;
  if (config.epochs == 0 || config.batch == 0 || config.batch > memory_.max_batch ||
      !is_finite(config.rate) || config.rate < 0.0f || !is_finite(config.proximal_mu) ||
      config.proximal_mu < 0.0f || !(config.rate * config.proximal_mu <= kMaxPull)) {
    return Status::kBadValue;
  }
  config_ = config;
  configured_ = true;
  return Status::kOk;
}

void Round::forget_configuration() {
  configured_ = noised_ = false;
}

bool Round::is_current(const RoundRequest& request) const {
  return state_ != State::kIdle && request.round == request_.round && request.head == request_.head &&
         request.flags == request_.flags && request.step == request_.step;
}

Status Round::check(const RoundRequest& request) const {
  if (request.round == 0) return Status::kBadValue;
  if (request.round < number_) return Status::kStaleRound;
  return supports(request.codec) ? Status::kOk : Status::kUnknownCodec;
}

Status Round::check_training(const RoundRequest& request) const {
  if ((request.flags & RoundFlag::kTrain) == 0) return Status::kOk;
  if (!configured_) return Status::kNoConfig;
  if (store_.count(Split::kTrain) == 0) return Status::kNoSamples;
  const Status masks = masked_ ? check_masks(request) : Status::kOk;
  if (masks != Status::kOk) return masks;
  return noised_ || guarded() ? check_noise() : Status::kOk;
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
  personal_ = false;
  number_ = request.round;
  // The codec that was judged: a CONFIG that comes before the head is whole can't change it.
  if (trains()) delta_codec_ = static_cast<Codec>(codec_of(config_.codec_up));
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

TrainingConfig Round::training_config() const {
  TrainingConfig config = {};
  config.epochs = config_.epochs;
  config.batch = config_.batch;
  config.rate = config_.rate;
  config.seed = config_.seed;
  config.proximal_mu = config_.proximal_mu;
  config.anchor = memory_.global;
  return config;
}

void Round::start_training() {
  state_ = State::kTraining;
  result_ = {};
  evaluated_ = 0;
  started_ = port_.millis(port_.context);
  // A personal head needs neither a round that trains nor a byte: it is the head as training leaves it.
  noisy_ = trains() && guarded() && !noise_.whole;
  personal_ = wants_statistics() && configured_ && !withholds() && (config_.codec_up & kPersonal) != 0 &&
              store_.count(Split::kTrain) != 0;
  if (noisy_) {
    result_.status = start_noise();
  } else if (learns()) {
    trainer_.start(memory_.shape, memory_.local, store_, training_config(), request_.round,
                   memory_.workspace);
  }
  if (trains()) {
    delta_seed_ = uplink_seed(config_.seed, request_.round);
    if (masked_) {
      masks_.open(request_.round, wants_statistics(), request_.step, config_, shares() ? noise_ : NoisePlan{},
                  memory_.global, parameters());
    }
  }
  work_ = wants_statistics() && !guarded() ? Work::kEvaluate : Work::kTrain;
}

bool Round::step() {
  switch (work_) {
    case Work::kEvaluate:
      if (!evaluate_one(memory_.global, &result_.test_correct)) work_ = Work::kTrain;
      return false;
    case Work::kTrain:
      if (noisy_ ? result_.status == Status::kOk && pass_.step() : learns() && trainer_.step()) return false;
      if (!personal_) break;
      work_ = Work::kEvaluatePersonal;
      evaluated_ = 0;
      return false;
    case Work::kEvaluatePersonal:
      if (evaluate_one(memory_.local, &result_.correct)) return false;
      break;
  }
  finish();
  return true;
}

// Judges the next test sample by a head. False if there was none left.
bool Round::evaluate_one(const float* head, uint16_t* correct) {
  if (evaluated_ == store_.count(Split::kTest)) return false;
  const Sample sample = store_.get(Split::kTest, evaluated_++);
  float* z = memory_.workspace;
  logits(head, sample.features, store_.quantization(), memory_.shape, z);
  if (argmax(z, memory_.shape.classes) == sample.label) ++*correct;
  return true;
}

void Round::finish() {
  const uint32_t elapsed = port_.millis(port_.context) - started_;
  result_.duration = saturate(elapsed / kUnit);
  if (learns()) {
    result_.num_examples = store_.count(Split::kTrain);
    if (!noisy_) result_.loss = trainer_.mean_loss();
    if (!noisy_ && !personal_) result_.correct = trainer_.correct();
    if (personal_) keep_personal();
    measure_speed(elapsed);
  }
  if (trains() && result_.status == Status::kOk) {
    if (noisy_ ? make_noisy_delta() : make_delta()) {
      result_.crc = crc32(delta().blob, delta().size);
    } else if (result_.status == Status::kOk) {
      result_.status = Status::kNotFinite;
    }
  }
  if (masked_) withhold_statistics();
  state_ = State::kReady;
  ++changes_;
}

void Round::measure_speed(uint32_t elapsed) {
  const uint32_t samples = noisy_ ? store_.count(Split::kTrain) : trainer_.samples();
  const uint64_t microseconds = static_cast<uint64_t>(elapsed) * 1000u / samples;
  sample_time_ = microseconds > 0 ? static_cast<uint32_t>(microseconds) : 1;
}

uint16_t Round::expected_wait() const {
  const bool training = learns() && state_ != State::kReady;
  if (!training || sample_time_ == 0) return 0;
  const uint64_t samples = state_ == State::kTraining
                               ? (noisy_ ? pass_.samples_left() : trainer_.samples_left())
                               : static_cast<uint64_t>(config_.epochs) * store_.count(Split::kTrain);
  return saturate(samples * sample_time_ / (1000u * kUnit) + 1);
}

void Round::abandon() {
  if (state_ == State::kTraining && noisy_) pass_.abandon();
  noisy_ = false;
  ++changes_;  // what comes next takes `local`, which is saved whether it has a delta or not
  state_ = State::kIdle;
  failure_ = Status::kOk;
}

}  // namespace bytefed
