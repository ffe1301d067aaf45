// A round with noise (SPEC 7.4): one pass over the training samples, noise on the sums, and the delta that
// they make. Each is a step of its own, so that sums can also be masked before anybody reads them.
#pragma once
#include "bytefed/privacy/clipped_sum.h"
#include "bytefed/privacy/discrete_gaussian.h"

namespace bytefed {

// The noise of a session's rounds, as NOISE says it.
struct NoisePlan {
  Clipping clipping;
  uint32_t cost;  // of the budget, for a round, in units of 2^-28; at least 1
  bool whole;     // it hides whole boards, and each makes a share of it: see noise_share.h

  // The parameter of the discrete Gaussian where so many boards make the noise together: the least sigma, 3
  // for shares, with sigma^2 * cost * boards >= 2^(2 grid + 27). 0: it would be larger than kLargestSigma.
  uint32_t sigma(uint16_t boards = 1) const;
  bool valid() const;
  // Turns noisy sums over `examples` samples into the delta of a step of `rate` along the mean gradient, in
  // place.
  void scale(IntegerSums sums, size_t count, float rate, uint16_t examples) const;
};

// Adds discrete Gaussian noise to `count` sums from `first` on.
void add_noise(IntegerSums sums, size_t first, size_t count, uint32_t sigma, RandomStream& random);

class NoisyPass {
 public:
  // Begins a pass at `head` that leaves its sums in `memory`, P words where floats may be at other times.
  // `workspace` has C floats. `store` has at least one training sample.
  void start(HeadShape shape, const float* head, const SampleStore& store, const NoisePlan& plan,
             float* memory, float* workspace, const uint8_t key[kKeySize]);

  // Takes one sample, or adds the noise of one row of the head. False when all is done.
  bool step();
  bool done() const { return row_ > shape_.features; }
  uint16_t samples_left() const;

  // Turns the sums into the delta of a step of `rate`, in place.
  void make_delta(float rate) { plan_.scale(sums_, shape_.parameters(), rate, store_->count(Split::kTrain)); }
  // Forgets the noise that was to come. The sums are zeros then.
  void abandon();

 private:
  void add_row_of_noise();

  HeadShape shape_ = {};
  const float* head_ = nullptr;
  const SampleStore* store_ = nullptr;
  NoisePlan plan_ = {};
  uint32_t sigma_ = 0;
  IntegerSums sums_;
  float* logits_ = nullptr;
  RandomStream random_;
  uint16_t sample_ = 0;  // the next one
  uint16_t row_ = 0;     // the next one to get its noise; the biases are the last
};

}  // namespace bytefed
