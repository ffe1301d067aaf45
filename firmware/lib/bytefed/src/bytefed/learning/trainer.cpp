#include "bytefed/learning/trainer.h"

#include "bytefed/exact_arithmetic.h"

namespace bytefed {

void Trainer::start(HeadShape shape, float* head, const SampleStore& store, const TrainingConfig& config,
                    uint16_t round, float* workspace) {
  shape_ = shape;
  head_ = head;
  store_ = &store;
  config_ = config;
  workspace_ = workspace;
  round_ = round;
  epoch_ = 0;
  position_ = 0;
  loss_ = 0.0f;
  correct_ = 0;
}

void Trainer::begin_epoch() {
  order_ = Shuffle(config_.seed, round_, epoch_, store_->count(Split::kTrain));
  loss_ = 0.0f;
  correct_ = 0;
}

uint32_t Trainer::samples() const {
  return static_cast<uint32_t>(config_.epochs) * store_->count(Split::kTrain);
}

uint32_t Trainer::samples_left() const {
  return static_cast<uint32_t>(config_.epochs - epoch_) * store_->count(Split::kTrain) - position_;
}

float Trainer::mean_loss() const {
  return loss_ / static_cast<float>(store_->count(Split::kTrain));
}

// The proximal term: Li et al., "Federated Optimization in Heterogeneous Networks" (MLSys 2020), algorithm 2.
void Trainer::pull_to_anchor() {
  const float pull = config_.rate * config_.proximal_mu;
  const size_t parameters = shape_.parameters();
  for (size_t i = 0; i < parameters; ++i) head_[i] -= pull * (head_[i] - config_.anchor[i]);
}

bool Trainer::step() {
  if (done()) return false;
  if (position_ == 0) begin_epoch();
  const uint16_t count = store_->count(Split::kTrain);
  const uint16_t left = static_cast<uint16_t>(count - position_);
  const uint16_t size = left < config_.batch ? left : config_.batch;
  const float rate = config_.rate / static_cast<float>(size);
  const Quantization quantization = store_->quantization();

  // First all samples' gradients by the logits at the old head, C floats each, instead of one gradient of the
  // head's size.
  for (uint16_t i = 0; i < size; ++i) {
    const Sample sample = store_->get(Split::kTrain, order_[static_cast<uint16_t>(position_ + i)]);
    float* g = workspace_ + static_cast<size_t>(i) * shape_.classes;
    logits(head_, sample.features, quantization, shape_, g);
    const SampleLoss outcome = softmax_gradient(g, shape_.classes, sample.label, rate);
    loss_ += outcome.loss;
    correct_ = static_cast<uint16_t>(correct_ + outcome.correct);
  }
  if (config_.proximal_mu > 0.0f) pull_to_anchor();
  for (uint16_t i = 0; i < size; ++i) {
    const Sample sample = store_->get(Split::kTrain, order_[static_cast<uint16_t>(position_ + i)]);
    apply_gradient(head_, sample.features, quantization, shape_,
                   workspace_ + static_cast<size_t>(i) * shape_.classes);
  }
  position_ = static_cast<uint16_t>(position_ + size);
  if (position_ == count) {
    position_ = 0;
    ++epoch_;
  }
  return true;
}

}  // namespace bytefed
