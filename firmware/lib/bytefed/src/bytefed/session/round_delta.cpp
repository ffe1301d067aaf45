// The results of a round: the delta, kept until the host has said whether it counts (SPEC 5.1), and the
// record that goes to flash.
#include <cstring>

#include "bytefed/learning/exact_math.h"
#include "bytefed/session/round.h"

namespace bytefed {

// Lossy codecs need memory that a board may do without.
bool Round::supports(uint8_t codec) const {
  return known_codec(codec) && (memory_.residual != nullptr || !is_lossy(static_cast<Codec>(codec)));
}

Delta Round::delta() const {
  if (!kept_) return {blob(delta_codec_), 0};
  const size_t size =
      masked_ ? sum_layout_of(delta_codec_, sum_words()).size() : blob_size(delta_codec_, parameters());
  return {blob(delta_codec_), size};
}

// Makes the delta's blob of what training left in `local`, and leaves its encoding error there. False when
// training diverged.
bool Round::make_delta() {
  for (size_t i = 0; i < parameters(); ++i) memory_.local[i] -= memory_.global[i];
  return encode_delta();
}

bool Round::encode_delta() {
  if (shares()) return mask_share();
  if (!all_finite(memory_.local, parameters())) return false;
  if (masked_) return mask_delta();
  if (is_lossy(delta_codec_)) {
    for (size_t i = 0; i < parameters(); ++i) memory_.local[i] += memory_.residual[i];
    encode(delta_codec_, parameters(), delta_seed_, memory_.local, blob(delta_codec_));
    if (!all_finite(memory_.local, parameters())) return false;
  }
  kept_ = true;
  return true;
}

// Keeps the head that training left, before the delta takes its place.
void Round::keep_personal() {
  if (memory_.personal == nullptr || !all_finite(memory_.local, parameters())) return;
  std::memcpy(memory_.personal, memory_.local, sizeof(float) * parameters());
  has_personal_ = true;
}

void Round::release(bool counted) {
  retire_delta(counted);
  abandon();
}

// The encoding error of a delta that counted becomes the residual. One that did not count leaves no trace, as
// if it had never been made.
void Round::retire_delta(bool counted) {
  if (!kept_) return;
  if (counted && is_lossy(delta_codec_)) {
    std::memcpy(memory_.residual, memory_.local, sizeof(float) * parameters());
  }
  kept_ = false;
  ++changes_;
}

void Round::forget_residual() {
  if (memory_.residual == nullptr) return;
  std::memset(memory_.residual, 0, sizeof(float) * memory_.largest().parameters());
}

RoundRecord Round::record() const {
  RoundRecord record = {};
  record.run = run_;
  record.round = number_;
  record.masked = masked_;
  record.request = request_;
  record.result = result_;
  record.kept = kept_ && !masked_;  // the keys of a masked delta are lost with the power, and so is its round
  record.state = kept_ && masked_ ? State::kIdle : state_;
  record.has_personal = has_personal_;
  record.guarded = guarded();
  record.classes = memory_.shape.classes;
  record.delta_codec = delta_codec_;
  record.delta_seed = delta_seed_;
  record.sample_time = sample_time_;
  return record;
}

bool Round::restore(const RoundRecord& record) {
  if ((record.state != State::kIdle && record.state != State::kReady) ||
      !supports(static_cast<uint8_t>(record.delta_codec))) {
    return false;
  }
  run_ = record.run;
  number_ = record.round;
  state_ = record.state;
  request_ = record.request;
  result_ = record.result;
  kept_ = record.kept;
  masked_ = record.masked;
  has_personal_ = record.has_personal && memory_.personal != nullptr;
  clean_ = record.guarded;
  delta_codec_ = record.delta_codec;
  delta_seed_ = record.delta_seed;
  sample_time_ = record.sample_time;
  return true;
}

}  // namespace bytefed
