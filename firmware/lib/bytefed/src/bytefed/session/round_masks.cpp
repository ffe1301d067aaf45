// Rounds with masks (SPEC 11): the delta is made, hidden, and told of in one step, so that it is nowhere
// without masks when anybody asks.
#include "bytefed/learning/exact_math.h"
#include "bytefed/session/round.h"

namespace bytefed {

Status Round::take_masks(const Mask& plan) {
  if (!Masks::valid(plan)) return Status::kBadValue;
  if (masks_.is_set_up(plan)) return Status::kOk;
  uint8_t secret[kKeySize];
  if (!port_.random(port_.context, secret, sizeof secret)) return Status::kNoEntropy;
  masks_.begin(plan, secret);
  wipe(secret, sizeof secret);
  masked_ = true;
  has_personal_ = false;
  withhold_statistics();  // also those of an evaluation that was told before
  ++changes_;
  return Status::kOk;
}

Status Round::take_peers(size_t first, const uint8_t* points, size_t count) {
  return masks_.take(first, points, count, run_) ? Status::kOk : Status::kBadValue;
}

// Has the board what a masked delta needs?
Status Round::check_masks(const RoundRequest& request) const {
  const uint8_t number = codec_of(config_.codec_up);
  if (!masks_.ready()) return Status::kNoMasks;
  if (!has_sums(number)) return Status::kUnknownCodec;
  const Codec codec = static_cast<Codec>(number);
  if (!SumScale{codec, masks_.plan().boards, request.step, 0}.valid()) return Status::kBadValue;
  if (request.round <= masks_.used()) return Status::kMasksUsed;
  const bool lossy = memory_.residual != nullptr;
  const size_t room =
      sizeof(float) * (local_floats(memory_.largest(), lossy) - (is_lossy(codec) ? padded(parameters()) : 0));
  return sum_layout_of(codec, kSumWords).size() <= room ? Status::kOk : Status::kTooLarge;
}

// The place of a blob's lanes, and the values that they are made of: lossless lanes lie where those do.
uint8_t* Round::sum_lanes(const SumLayout& layout, float** values) {
  *values = memory_.local;
  if (!is_lossy(delta_codec_)) {
    *values += layout.words;
    std::memmove(*values, memory_.local, sizeof(float) * parameters());
  }
  return blob(delta_codec_) + sizeof(uint32_t) * layout.words;
}

// Makes the masked blob of the delta in `local`, and leaves its encoding error there. False if training
// diverged, or no key can be drawn.
bool Round::mask_delta() {
  const bool lossy = is_lossy(delta_codec_);
  const float weight =
      static_cast<float>(store_.count(Split::kTrain)) / static_cast<float>(masks_.plan().reference);
  for (size_t i = 0; i < parameters(); ++i) {
    memory_.local[i] = memory_.local[i] * weight + (lossy ? memory_.residual[i] : 0.0f);
  }
  if (!all_finite(memory_.local, parameters())) return false;
  const SumLayout layout = sum_layout_of(delta_codec_, sum_words());
  float* values;
  uint8_t* const lanes = sum_lanes(layout, &values);
  const SumScale scale = {delta_codec_, masks_.plan().boards, request_.step, uplink_seed(0, request_.round)};
  const float mean = encode_sum(scale, parameters(), values, lanes);
  if (lossy && !all_finite(memory_.local, parameters())) return false;
  write_words(mean * (kSizeUnit / request_.step), blob(delta_codec_));
  least_ = 0;
  kept_ = hide(layout);
  return kept_;
}

// Makes the masked blob of the delta in `local`, bounded and with this board's share of the noise. It is paid
// for before it is hidden. False if it can't be, or no key can be drawn.
bool Round::mask_share() {
  uint8_t key[kKeySize];
  if (!port_.random(port_.context, key, sizeof key)) {
    result_.status = Status::kNoEntropy;
    return false;
  }
  const SumLayout layout = sum_layout_of(delta_codec_, sum_words());
  float* values;
  uint8_t* const lanes = sum_lanes(layout, &values);
  const uint16_t boards = masks_.plan().boards;
  const SumScale scale = {delta_codec_, boards, request_.step, uplink_seed(0, request_.round)};
  encode_share(scale, noise_, parameters(), key, values);
  wipe(key, sizeof key);
  if (!budget_.spend(noise_.cost)) {
    result_.status = Status::kStorageFailed;
    return false;
  }
  if (is_lossy(delta_codec_)) put_share(layout, values, lanes);
  const uint32_t words[kSumWords] = {1};
  std::memcpy(blob(delta_codec_), words, sizeof(uint32_t) * layout.words);
  least_ = least_survivors(boards);
  kept_ = hide(layout);
  return kept_;
}

bool Round::hide(const SumLayout& layout) {
  uint8_t own[kMaskKeySize];
  if (!port_.random(port_.context, own, sizeof own)) {
    result_.status = Status::kNoEntropy;
    return false;
  }
  masks_.hide(request_.round, own, layout, blob(delta_codec_));
  wipe(own, sizeof own);
  return true;
}

void Round::write_words(float size, uint8_t* blob) const {
  const uint16_t boards = masks_.plan().boards;
  const uint32_t words[kSumWords] = {
      result_.num_examples, sum_word(size, boards),
      sum_word(result_.loss * static_cast<float>(result_.num_examples) * kLossUnit, boards), result_.correct,
      result_.test_correct};
  std::memcpy(blob, words, sizeof(uint32_t) * sum_words());
}

void Round::withhold_statistics() {
  result_.num_examples = result_.correct = result_.test_correct = 0;
  result_.loss = 0.0f;
}

Status Round::check(const Unmask& unmask, uint16_t boards) const {
  if (!masks_.ready()) return Status::kNoMasks;
  if (!kept_) return Status::kBusy;
  if (unmask.round != number_) return unmask.round < number_ ? Status::kStaleRound : Status::kBadValue;
  const Status status = masks_.check(unmask.survivors);
  if (status != Status::kOk || least_ == 0) return status;
  const size_t lost = masks_.keys(unmask.survivors) - 1;
  if (boards > masks_.plan().boards - lost) return Status::kBadValue;
  return boards < least_ ? Status::kTooFew : Status::kOk;
}

}  // namespace bytefed
