// Rounds with noise (SPEC 7.4): the budget is spent once the noise is added, and before anything can leave.
#include "bytefed/learning/exact_math.h"
#include "bytefed/session/round.h"

namespace bytefed {

Status Round::take_noise(const Noise& noise) {
  const uint8_t grid = static_cast<uint8_t>(noise.grid & ~kWhole);
  const NoisePlan plan = {{noise.clip, grid}, noise.cost, (noise.grid & kWhole) != 0};
  if (!plan.valid()) return Status::kBadValue;
  if (guarded()) {
    // A share hides nothing of a sample from who invents the other boards.
    if (budget_.whole() != plan.whole) return Status::kBudgetSpent;
  } else {
    if (noise.budget == 0) return Status::kBadValue;
    if (store_.empty()) return Status::kNoSamples;
    if (!budget_.give(noise.budget, plan.whole, store_)) return Status::kStorageFailed;
    forget_unguarded();
  }
  noise_ = plan;
  noised_ = true;
  return Status::kOk;
}

void Round::restore(const BudgetRecord& record, SampleStore& store) {
  budget_.restore(record, store);
  if (guarded() && !clean_) forget_unguarded();
}

// Forgets all that was made of the samples without noise: error feedback would bring it into deltas yet.
void Round::forget_unguarded() {
  start_run(run_);
  result_ = {};
  has_personal_ = false;
}

// Has the board what a round with noise needs?
Status Round::check_noise() const {
  if (!noised_ || !guarded()) return Status::kNoNoise;  // the one without the other: other samples came since
  if (noise_.whole) {
    if (!masked_) return Status::kNoMasks;
    if (!has_shares(codec_of(config_.codec_up))) return Status::kUnknownCodec;
  } else if (config_.epochs != 1) {
    return Status::kBadValue;
  }
  return budget_.pays(noise_.cost) ? Status::kOk : Status::kBudgetSpent;
}

// Draws the key of the round's noise.
Status Round::start_noise() {
  uint8_t key[kKeySize];
  if (!port_.random(port_.context, key, sizeof key)) return Status::kNoEntropy;
  rate_ = config_.rate;
  pass_.start(memory_.shape, memory_.global, store_, noise_, memory_.local, memory_.workspace, key);
  wipe(key, sizeof key);
  return Status::kOk;
}

// Makes the delta of noisy sums, once they are paid for.
bool Round::make_noisy_delta() {
  if (!budget_.spend(noise_.cost)) {
    pass_.abandon();
    result_.status = Status::kStorageFailed;
    return false;
  }
  pass_.make_delta(rate_);
  return encode_delta();
}

}  // namespace bytefed
