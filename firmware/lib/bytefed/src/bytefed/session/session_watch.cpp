// Requests about what the sensor tells now: CLASSIFY, RECORD, LEVEL (SPEC 3).
#include <cstring>

#include "bytefed/session/session.h"

namespace bytefed {
namespace {

// Writes a number below 1,000, and returns its length.
size_t write_number(uint32_t number, char* text) {
  size_t length = 0;
  for (uint32_t unit = number < 10 ? 1 : number < 100 ? 10 : 100; unit > 0; unit /= 10) {
    text[length++] = static_cast<char>('0' + number / unit % 10);
  }
  return length;
}

}  // namespace

Status Session::check_sensing() const {
  if (port_.sense == nullptr || port_.extract == nullptr || memory_.window == nullptr)
    return Status::kNoSensor;
  return capturing() ? Status::kBusy : Status::kOk;
}

// Whether that link may carry what the sensor itself tells, which may become a sample.
Status Session::check_raw(const Link& link) const {
  if (link.seal == nullptr && !link.cable) return Status::kUnpaired;
  return round_.withholds() ? Status::kWithheld : Status::kOk;
}

// Null if it is not there, or holds nothing.
const float* Session::watched_head() const {
  const float* const head = watch_.personal() ? round_.personal() : memory_.global;
  return head != nullptr && !all_zero(head, memory_.shape.parameters()) ? head : nullptr;
}

void Session::on_classify(uint8_t sequence, const uint8_t* body, size_t length) {
  constexpr uint8_t kModes = Classify::kPersonal | Classify::kAlone | Classify::kStop | Classify::kShow;
  constexpr uint8_t kMostUnknown = 50;
  Classify asked;
  if (!unpack(body, length, &asked)) return outbox_.answer_error(sequence, Status::kBadLength);
  if ((asked.mode & ~kModes) != 0 || asked.unknown > kMostUnknown) {
    return outbox_.answer_error(sequence, Status::kBadValue);
  }
  if ((asked.mode & Classify::kStop) != 0) {
    watch_.stop();
    return outbox_.answer(sequence, watch_.last());
  }
  if (asked.unknown > 0 && round_.withholds()) return outbox_.answer_error(sequence, Status::kWithheld);
  const Status status = check_sensing();
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  if ((asked.mode & Classify::kShow) != 0 && !can_show()) {
    return outbox_.answer_error(sequence, Status::kNoRadio);
  }
  watch_.classify(asked);
  if (watched_head() == nullptr) {
    watch_.stop();
    return outbox_.answer_error(sequence, Status::kUntrained);
  }
  awaited_ = Kind::kClassify;
  awaited_sequence_ = sequence;
  awaited_part_.after = asked.after;
  answer_watch();
}

void Session::on_record(const Link& link, uint8_t sequence, const uint8_t* body, size_t length) {
  Record asked;
  if (!unpack(body, length, &asked)) return outbox_.answer_error(sequence, Status::kBadLength);
  Status status = check_raw(link);
  if (status == Status::kOk) status = check_sensing();
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  if (asked.offset >= identity_.input_size) return outbox_.answer_error(sequence, Status::kBadValue);
  watch_.record();
  awaited_ = Kind::kRecord;
  awaited_sequence_ = sequence;
  awaited_part_ = asked;
  answer_watch();
}

void Session::on_level(const Link& link, uint8_t sequence) {
  if (port_.level == nullptr) return outbox_.answer_error(sequence, Status::kUnknownKind);
  const Status status = check_raw(link);
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  outbox_.answer(sequence, port_.level(port_.context));
}

// Answers the request that waits, if there is another window by now.
void Session::answer_watch() {
  if (awaited_ == Kind::kInfo || !watch_.holds() || watch_.number() == awaited_part_.after) return;
  if (awaited_ == Kind::kClassify) {
    if (!watch_.judged()) return;
    if (watch_.failed()) {
      outbox_.answer_error(awaited_sequence_, Status::kExtractorFailed);
    } else {
      outbox_.answer(awaited_sequence_, watch_.last());
    }
  } else {
    const uint16_t offset = awaited_part_.offset;
    const size_t room = outbox_.message_limit() - kHeaderSize - Recorded::kSize;
    const size_t left = static_cast<size_t>(identity_.input_size - offset);
    const Recorded answer = {watch_.number(), identity_.input_size, offset};
    outbox_.answer(awaited_sequence_, answer, watch_.window() + offset, left < room ? left : room);
  }
  awaited_ = Kind::kInfo;
}

// Does a little of the work with the sensor's windows. True while there is more that does not wait for it. It
// rests while records are stored: they may all be taken back, and a threshold is found on samples that stay.
bool Session::watch_step() {
  if (capturing() || !watch_.active() || intake_.extracting() || intake_.holds_window()) return false;
  const float* const head = watched_head();
  if (head == nullptr && watch_.classifies()) {
    watch_.stop();
    return false;
  }
  if (watch_.step(head, round_.changes() + intake_.changes())) answer_watch();
  return watch_.busy();
}

// Whether there is a radio that is on: asked by showing nothing, where nothing is shown.
bool Session::can_show() const {
  return port_.show != nullptr && (shown_ != 0 || port_.show(port_.context, "", 0));
}

// Lets phones read the last prediction if a host wants that, and nothing otherwise.
void Session::show() {
  const bool shows = watch_.shows() && !capturing() && watch_.judged() && !watch_.failed();
  const uint16_t window = shows ? watch_.number() : uint16_t{0};
  if (window == shown_) return;
  shown_ = window;
  char text[kPhoneText];
  port_.show(port_.context, text, shows ? write_prediction(text) : 0);
}

// Writes the last prediction as SPEC 1.2 says, and returns its length.
size_t Session::write_prediction(char (&text)[kPhoneText]) const {
  const Classified& last = watch_.last();
  if (last.label == kNoLabel) {
    std::memcpy(text, "none", 4);
    return 4;
  }
  size_t length = labels_.length(last.label);
  if (length > 0) {
    std::memcpy(text, labels_.name(last.label), length);
  } else {
    length = write_number(last.label, text);
  }
  text[length++] = ' ';
  length += write_number(last.confidence * 100u / 255u, text + length);
  text[length++] = '%';
  return length;
}

}  // namespace bytefed
