// Requests about noise and the privacy budget: NOISE (SPEC 3, 7.4).
#include "bytefed/session/session.h"

namespace bytefed {

void Session::on_noise(uint8_t sequence, const uint8_t* body, size_t length) {
  Noise noise;
  if (!unpack(body, length, &noise)) return outbox_.answer_error(sequence, Status::kBadLength);
  if (port_.random == nullptr) return outbox_.answer_error(sequence, Status::kUnknownKind);
  if (noise.clip != 0.0f) {
    const Status status = take_noise(noise);
    if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  }
  outbox_.answer(sequence, round_.noised());
}

Status Session::take_noise(const Noise& noise) {
  enter_run();
  const bool anew = !round_.guarded();
  // A delta that was made without noise is the host's to take first.
  if (!at_rest() || (anew && holds_delta())) return Status::kBusy;
  const Status status = round_.take_noise(noise);
  if (status != Status::kOk || !anew) return status;
  watch_.forget();
  outbox_.stop();
  return status;
}

}  // namespace bytefed
