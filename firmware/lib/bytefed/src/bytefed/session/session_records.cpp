// What outlives a loss of power.
#include "bytefed/session/session.h"

namespace bytefed {

void Session::on_save(uint8_t sequence) {
  if (port_.save == nullptr) return answer_error(sequence, Status::kNoStorage);
  if (!at_rest()) return answer_error(sequence, Status::kBusy);
  if (!port_.save(port_.context)) return answer_error(sequence, Status::kStorageFailed);
  start_answer(Kind::kSaved, sequence, 0);
}

RoundRecord Session::round_record() const {
  RoundRecord record = {};
  record.run = run_;
  record.round = round_;
  record.state = state_;
  record.begin = begin_;
  record.result = result_;
  record.kept = kept_;
  record.counted = counted_;
  record.delta_codec = delta_codec_;
  record.delta_seed = delta_seed_;
  record.sample_time = sample_time_;
  return record;
}

bool Session::restore(const RoundRecord& record) {
  if ((record.state != State::kIdle && record.state != State::kReady) ||
      !can(static_cast<uint8_t>(record.delta_codec))) {
    return false;
  }
  run_ = record.run;
  round_ = record.round;
  state_ = record.state;
  begin_ = record.begin;
  result_ = record.result;
  kept_ = record.kept;
  counted_ = record.counted;
  delta_codec_ = record.delta_codec;
  delta_seed_ = record.delta_seed;
  sample_time_ = record.sample_time;
  return true;
}

SamplesRecord Session::samples_record() const {
  return {store_.count(Split::kTrain), store_.count(Split::kTest), store_.quantization(), add_done_, add_};
}

bool Session::restore(const SamplesRecord& record) {
  if (!store_.restore(record.train, record.test, record.quantization)) return false;
  add_ = record.add;
  add_done_ = record.add_done;
  return true;
}

}  // namespace bytefed
