// Requests of a secure sum: MASK, PEERS, UNMASK (SPEC 11).
#include <cstring>

#include "bytefed/session/session.h"

namespace bytefed {

// Setup changes no mask of a delta that may have left. And a visit has no run whose deltas could be hidden:
// it would keep the board from rounds of another host's run.
bool Session::can_set_up() const {
  return at_rest() && !holds_delta() && asked_run_ != kVisit;
}

void Session::on_mask(uint8_t sequence, const uint8_t* body, size_t length) {
  Mask plan;
  if (!unpack(body, length, &plan)) return outbox_.answer_error(sequence, Status::kBadLength);
  if (port_.random == nullptr) return outbox_.answer_error(sequence, Status::kUnknownKind);
  enter_run();
  const bool fits = kHeaderSize + Peers::kSize + kKeySize <= outbox_.message_limit();
  const Status status = !can_set_up() ? Status::kBusy : fits ? round_.take_masks(plan) : Status::kTooLarge;
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  watch_.forget();
  std::memcpy(outbox_.start_answer(Kind::kMasked, sequence, kKeySize), round_.masks().point(), kKeySize);
}

void Session::on_peers(uint8_t sequence, const uint8_t* body, size_t length) {
  Peers peers;
  if (!unpack(body, length, &peers)) return outbox_.answer_error(sequence, Status::kBadLength);
  const size_t size = length - Peers::kSize;
  if (size == 0 || size % kKeySize != 0) return outbox_.answer_error(sequence, Status::kBadLength);
  enter_run();
  if (!round_.masks().begun()) return outbox_.answer_error(sequence, Status::kNoMasks);
  if (!can_set_up()) return outbox_.answer_error(sequence, Status::kBusy);
  const Status status = round_.take_peers(peers.first, body + Peers::kSize, size / kKeySize);
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  outbox_.start_answer(Kind::kPeered, sequence, 0);
}

void Session::on_unmask(uint8_t sequence, const uint8_t* body, size_t length) {
  Unmask unmask;
  if (!unpack(body, length, &unmask)) return outbox_.answer_error(sequence, Status::kBadLength);
  enter_run();
  uint16_t boards = 0;
  if (round_.counts_boards()) {
    if (length < Unmask::kSize + sizeof boards) return outbox_.answer_error(sequence, Status::kBadLength);
    std::memcpy(&boards, body + Unmask::kSize, sizeof boards);
  }
  const Status status = round_.check(unmask, boards);
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  const size_t size = kMaskKeySize * round_.masks().keys(unmask.survivors);
  if (kHeaderSize + size > outbox_.message_limit()) {
    return outbox_.answer_error(sequence, Status::kTooLarge);
  }
  round_.tell_keys(unmask, outbox_.start_answer(Kind::kUnmasked, sequence, size));
}

// In a masked run a request that trains has the round's step behind the `used` bytes of its own fields.
Status Session::find_step(const uint8_t* body, size_t length, size_t* used, RoundRequest* request) const {
  if (!round_.masked() || (request->flags & RoundFlag::kTrain) == 0) return Status::kOk;
  if (!round_.can_mask()) return Status::kNoMasks;
  if (length < *used + sizeof request->step) return Status::kBadLength;
  std::memcpy(&request->step, body + *used, sizeof request->step);
  *used += sizeof request->step;
  return Status::kOk;
}

}  // namespace bytefed
