// The request about labels: their names, and the number of the head's columns (SPEC 3: LABEL).
#include "bytefed/session/session.h"

namespace bytefed {

void Session::on_label(uint8_t sequence, const uint8_t* body, size_t length) {
  Label asked;
  if (!unpack(body, length, &asked)) return outbox_.answer_error(sequence, Status::kBadLength);
  const uint8_t* const name = body + Label::kSize;
  const size_t name_length = asked.count > 0 ? length - Label::kSize : 0;
  if (asked.count > 0) enter_run();
  const Status status = check(asked, name, name_length);
  if (status != Status::kOk) return outbox_.answer_error(sequence, status);
  if (asked.count > 0 && !is_set(asked, name, name_length)) {
    if (asked.count != memory_.shape.classes) set_classes(asked.count);
    labels_.name(asked.index, name, name_length);
    round_.relabelled();
  }
  const uint8_t label = asked.index;
  const Labelled answer = {memory_.shape.classes, memory_.most_classes, store().count(Split::kTrain, label),
                           store().count(Split::kTest, label)};
  outbox_.answer(sequence, answer, labels_.name(label), labels_.length(label));
}

// Whether the labels are as LABEL wants them already.
bool Session::is_set(const Label& label, const uint8_t* name, size_t length) const {
  return labels_.set() && label.count == memory_.shape.classes && labels_.is(label.index, name, length);
}

Status Session::check(const Label& label, const uint8_t* name, size_t length) const {
  if (label.count == 0) return label.index < memory_.shape.classes ? Status::kOk : Status::kBadValue;
  if (label.count < kMinClasses || label.count > memory_.most_classes || label.index >= label.count ||
      length > kLabelName || std::memchr(name, 0, length) != nullptr) {
    return Status::kBadValue;
  }
  if (is_set(label, name, length)) return Status::kOk;
  if (!at_rest() || holds_delta() || state() == State::kReceiving) return Status::kBusy;
  return store().labels() > label.count ? Status::kBadLabel : Status::kOk;
}

void Session::set_classes(uint8_t classes) {
  const HeadShape before = memory_.shape;
  memory_.shape.classes = classes;
  round_.resize(before);
  outbox_.stop();
  if (classes < before.classes) labels_.drop_from(classes);
}

}  // namespace bytefed
