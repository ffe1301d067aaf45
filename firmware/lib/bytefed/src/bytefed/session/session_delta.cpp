// What becomes of a delta (SPEC 5.1): it is made, and kept until the host has said whether it counts.
#include <cstring>

#include "bytefed/learning/exact_math.h"
#include "bytefed/session/session.h"

namespace bytefed {

// Lossy codecs need memory that a board may do without.
bool Session::can(uint8_t codec) const {
  return known_codec(codec) && (memory_.residual != nullptr || !is_lossy(static_cast<Codec>(codec)));
}

// Makes the delta's blob of the local head, and leaves in `local` what it lacks. False when training
// diverged.
bool Session::make_delta() {
  for (size_t i = 0; i < parameters(); ++i) memory_.local[i] -= memory_.global[i];
  if (!all_finite(memory_.local, parameters())) return false;
  if (is_lossy(delta_codec_)) {
    for (size_t i = 0; i < parameters(); ++i) memory_.local[i] += memory_.residual[i];
    encode(delta_codec_, parameters(), delta_seed_, memory_.local, blob(delta_codec_));
    if (!all_finite(memory_.local, parameters())) return false;
  }
  kept_ = true;
  counted_ = false;
  return true;
}

// A delta stays until something takes its place: what made the board forget it may have been an old ACK.
bool Session::is_kept(const Begin& begin) const {
  return state_ == State::kIdle && kept_ && is_key(begin);
}

// Before something else takes the place of the delta. If it did not count, it is as if it had never been
// made.
void Session::settle(bool counted) {
  if (!kept_) return;
  if (counted && is_lossy(delta_codec_)) {
    std::memcpy(memory_.residual, memory_.local, sizeof(float) * parameters());
  }
  kept_ = false;
  ++round_changes_;
}

void Session::forget_residual() {
  if (memory_.residual == nullptr) return;
  std::memset(memory_.residual, 0, sizeof(float) * parameters());
}

}  // namespace bytefed
