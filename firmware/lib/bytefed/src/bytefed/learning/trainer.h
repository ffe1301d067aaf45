// Local training, one mini-batch per call, so that the board can serve its link in between.
#pragma once
#include "bytefed/learning/sample_store.h"
#include "bytefed/learning/shuffle.h"

namespace bytefed {

struct TrainingConfig {
  uint8_t epochs;  // at least 1
  uint8_t batch;   // at least 1
  float rate;      // learning rate
  uint32_t seed;
  float proximal_mu = 0.0f;       // strength of FedProx' proximal term; 0 for none
  const float* anchor = nullptr;  // P floats: the head that the proximal term pulls towards
};

// Number of floats of workspace for batches of up to max_batch samples.
constexpr size_t training_workspace(HeadShape shape, uint8_t max_batch) {
  return static_cast<size_t>(shape.classes) * max_batch;
}

class Trainer {
 public:
  // Trains `head` (P floats) in place on the training split, which has at least one sample and does
  // not change meanwhile. `workspace` has training_workspace(shape, config.batch) floats.
  void start(HeadShape shape, float* head, const SampleStore& store, const TrainingConfig& config,
             uint16_t round, float* workspace);

  // Takes one mini-batch step. False if there was none left.
  bool step();

  bool done() const { return epoch_ == config_.epochs; }
  uint32_t samples() const;  // in all epochs together
  uint32_t samples_left() const;

  // Loss and correct samples in the last epoch, each sample judged before its step.
  float mean_loss() const;
  uint16_t correct() const { return correct_; }

 private:
  void begin_epoch();
  void pull_to_anchor();

  HeadShape shape_;
  float* head_;
  const SampleStore* store_;
  TrainingConfig config_;
  float* workspace_;
  uint16_t round_;
  uint8_t epoch_;
  uint16_t position_;
  Shuffle order_;  // order of the samples in this epoch
  float loss_;
  uint16_t correct_;
};

}  // namespace bytefed
