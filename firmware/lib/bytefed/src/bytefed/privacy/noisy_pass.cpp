#include "bytefed/privacy/noisy_pass.h"

#include "bytefed/exact_arithmetic.h"

namespace bytefed {
namespace {

constexpr uint64_t kLeastShare =
    3;  // sigma: the sum of narrower shares would not be near enough to its limit
constexpr uint8_t kLeastGrid = 8, kLeastShareGrid = 6, kMostGrid = 18;  // bits of the clip

}  // namespace

// sigma^2 >= q, where q = 2^(2 grid + 27) / (cost boards), rounded up.
uint32_t NoisePlan::sigma(uint16_t boards) const {
  const uint64_t price = static_cast<uint64_t>(cost) * boards;
  const uint64_t q = ((static_cast<uint64_t>(1) << (2 * clipping.grid + 27)) - 1) / price + 1;
  uint64_t low = whole ? kLeastShare : 1, high = static_cast<uint64_t>(kLargestSigma) + 1;
  while (low < high) {
    const uint64_t middle = (low + high) / 2;
    if (middle * middle >= q) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low <= kLargestSigma ? static_cast<uint32_t>(low) : 0;
}

bool NoisePlan::valid() const {
  constexpr float kLeast = 1.0f / (1 << 20), kMost = 1 << 20;
  return clipping.clip >= kLeast && clipping.clip <= kMost &&
         clipping.grid >= (whole ? kLeastShareGrid : kLeastGrid) && clipping.grid <= kMostGrid && cost > 0 &&
         sigma() > 0;
}

void NoisePlan::scale(IntegerSums sums, size_t count, float rate, uint16_t examples) const {
  const float step = (rate / static_cast<float>(examples)) * (clipping.clip / clipping.delta());
  for (size_t i = 0; i < count; ++i) sums.replace(i, static_cast<float>(sums.get(i)) * step);
}

void add_noise(IntegerSums sums, size_t first, size_t count, uint32_t sigma, RandomStream& random) {
  for (size_t i = first; i < first + count; ++i) {
    sums.add(i, static_cast<uint32_t>(discrete_gaussian(random, sigma)));
  }
}

void NoisyPass::start(HeadShape shape, const float* head, const SampleStore& store, const NoisePlan& plan,
                      float* memory, float* workspace, const uint8_t key[kKeySize]) {
  shape_ = shape;
  head_ = head;
  store_ = &store;
  plan_ = plan;
  sigma_ = plan.sigma();
  sums_ = IntegerSums(memory);
  sums_.clear(shape.parameters());
  logits_ = workspace;
  random_.start(key);
  sample_ = row_ = 0;
}

uint16_t NoisyPass::samples_left() const {
  return static_cast<uint16_t>(store_->count(Split::kTrain) - sample_);
}

bool NoisyPass::step() {
  if (samples_left() > 0) {
    int32_t scaled[kMaxClasses];
    const Sample sample = store_->get(Split::kTrain, sample_++);
    add_clipped(head_, sample, store_->quantization(), shape_, plan_.clipping, logits_, scaled, sums_);
    return true;
  }
  if (done()) return false;
  add_row_of_noise();
  return true;
}

// A row is the weights of a feature; the biases are one row more.
void NoisyPass::add_row_of_noise() {
  add_noise(sums_, static_cast<size_t>(row_) * shape_.classes, shape_.classes, sigma_, random_);
  ++row_;
  if (done()) random_.forget();
}

void NoisyPass::abandon() {
  random_.forget();
  sums_.clear(shape_.parameters());
}

}  // namespace bytefed
