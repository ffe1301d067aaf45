"""Boards that fail at one thing in how they are used: labels, discarding, classifying, recording.

Each is made by one exact replacement; the core's tests find each.
"""

from __future__ import annotations

from core_mutants import CoreMutant

SUITES = ("main.cpp", "test_session_labels.cpp", "test_session_runs.cpp", "test_session_watch.cpp")

_LABELS, _WATCHES, _SESSION = (
    f"session/{name}.cpp" for name in ("session_labels", "session_watch", "session")
)
_INTAKE, _SAMPLES, _WATCH, _HEAD = (
    "session/intake.cpp",
    "session/session_samples.cpp",
    "session/watch.cpp",
    "learning/head.cpp",
)
_DISCARDED = "Discarded{store().count(Split::kTrain), store().count(Split::kTest)}"
_RECORDED = "{watch_.number(), identity_.input_size, offset}"
_JUDGED = "last_.label = last_.confidence < threshold_ ? kNoLabel : last_.likeliest;"

MUTANTS = (
    CoreMutant("LABEL's index", _LABELS, "labels_.name(asked.index, name", "labels_.name(0, name"),
    CoreMutant("LABEL's count", _LABELS, "set_classes(asked.count);", "{}"),
    CoreMutant("LABEL's count is not judged", _LABELS, "label.count > memory_.most_classes || ", ""),
    CoreMutant("LABEL's index is not judged", _LABELS, " || label.index >= label.count", ""),
    CoreMutant("LABEL's name is not judged", _LABELS, "length > kLabelName || ", ""),
    CoreMutant("LABEL's zeros are not judged", _LABELS, " || std::memchr(name, 0, length) != nullptr", ""),
    CoreMutant("LABEL of another run", _LABELS, "  if (asked.count > 0) enter_run();\n", ""),
    CoreMutant("LABEL in a round", _LABELS, "if (!at_rest() || holds_delta()", "if (!at_rest()"),
    CoreMutant("LABEL leaves samples without a label", _LABELS, "store().labels() > label.count", "false"),
    CoreMutant("LABEL is not saved", _LABELS, "    round_.relabelled();\n", ""),
    CoreMutant(
        "LABELLED's count", _LABELS, "answer = {memory_.shape.classes,", "answer = {memory_.most_classes,"
    ),
    CoreMutant("LABELLED's most", _LABELS, "memory_.most_classes, store()", "memory_.shape.classes, store()"),
    CoreMutant(
        "LABELLED's train", _LABELS, "store().count(Split::kTrain, label)", "store().count(Split::kTrain)"
    ),
    CoreMutant(
        "LABELLED's test", _LABELS, "store().count(Split::kTest, label)", "store().count(Split::kTest)"
    ),
    CoreMutant("LABELLED's name", _LABELS, "labels_.name(label), labels_.length(label)", "nullptr, 0"),
    CoreMutant("erase leaves the labels' names", _SESSION, "  labels_.forget();\n", ""),
    CoreMutant("a new column is not zeros", _HEAD, "place[c] = 0.0f;", "{}"),
    CoreMutant(
        "BOARD does not tell of labels",
        _SESSION,
        "if (labels_.set()) capabilities",
        "if (false) capabilities",
    ),
    CoreMutant("BOARD does not tell of the sensor", _SESSION, "if (intake_.sensed())", "if (false)"),
    CoreMutant("BOARD tells of the sensor for ever", _INTAKE, "if (held() == 0) sensed_ = false;", ""),
    CoreMutant("DISCARD in a round", _SAMPLES, "state() == State::kReceiving || ", ""),
    CoreMutant("DISCARD's bit 0", _INTAKE, "(discard.kind & Discard::kLabel) != 0", "false"),
    CoreMutant("DISCARD's bit 1", _INTAKE, "split_of(discard.kind)", "Split::kTrain"),
    CoreMutant(
        "DISCARD's kind is not judged",
        _SAMPLES,
        "(asked.kind & ~(Discard::kLabel | Discard::kTest)) != 0",
        "false",
    ),
    CoreMutant("DISCARD's label", _INTAKE, "store_.remove(discard.label)", "store_.remove(0)"),
    CoreMutant(
        "DISCARD's keep", _INTAKE, "store_.truncate(split, discard.keep)", "store_.truncate(split, 0)"
    ),
    CoreMutant(
        "an ADD counts as stored though it was discarded",
        _INTAKE,
        "  add_done_ = false;  // the same ADD",
        "  // the same ADD",
    ),
    CoreMutant("DISCARDED's train", _SAMPLES, _DISCARDED, "Discarded{0, store().count(Split::kTest)}"),
    CoreMutant("DISCARDED's test", _SAMPLES, _DISCARDED, "Discarded{store().count(Split::kTrain), 0}"),
    CoreMutant("CLASSIFY's after", _WATCHES, " || watch_.number() == awaited_part_.after", ""),
    CoreMutant(
        "CLASSIFY's bit 0", _WATCHES, "watch_.personal() ? round_.personal()", "false ? round_.personal()"
    ),
    CoreMutant("CLASSIFY's bit 1", _WATCH, "(mode_ & Classify::kAlone) != 0", "false"),
    CoreMutant("CLASSIFY's bit 2", _WATCHES, "if ((asked.mode & Classify::kStop) != 0) {", "if (false) {"),
    CoreMutant("CLASSIFY's bit 3", _WATCH, "(mode_ & Classify::kShow) != 0", "true"),
    CoreMutant("CLASSIFY's bit 3 without a radio", _WATCHES, 'port_.show(port_.context, "", 0)', "true"),
    CoreMutant(
        "CLASSIFY's bit 1 outlives the classification",
        _WATCH,
        "(classifies_ && (mode_ & Classify::kAlone) != 0)",
        "(mode_ & Classify::kAlone) != 0",
    ),
    CoreMutant(
        "CLASSIFY's bit 3 outlives the classification",
        _WATCH,
        "return classifies_ && (mode_",
        "return (mode_",
    ),
    CoreMutant(
        "a window's number stands for none",
        _WATCH,
        "  judged_ = 0;  // the",
        "  judged_ = 0xFFFF;  // the",
    ),
    CoreMutant(
        "a question outlives its session",
        _SESSION,
        "  awaited_ = Kind::kInfo;\n  asked_ = false;\n",
        "  asked_ = false;\n",
    ),
    CoreMutant(
        "a question outlives its connection",
        _SESSION,
        "  awaited_ = Kind::kInfo;\n  outbox_.close();",
        "  outbox_.close();",
    ),
    CoreMutant(
        "a threshold of samples that are being stored", _WATCHES, " || intake_.extracting() || ", " || "
    ),
    CoreMutant(
        "erase leaves the number of labels", _SESSION, "  memory_.shape.classes = first_classes_;\n", ""
    ),
    CoreMutant(
        "a delta of another shape stays",
        "session/round.cpp",
        "  abandon();\n  kept_ = false;\n",
        "  abandon();\n",
    ),
    CoreMutant(
        "BOARD does not tell that it is open to phones",
        _SESSION,
        "if (watch_.shows()) capabilities",
        "if (false) capabilities",
    ),
    CoreMutant(
        "phones can read while windows are captured",
        _WATCHES,
        "watch_.shows() && !capturing()",
        "watch_.shows()",
    ),
    CoreMutant(
        "phones are shown a window that is not judged",
        _WATCHES,
        " && watch_.judged() && !watch_.failed();",
        " && !watch_.failed();",
    ),
    CoreMutant("phones are shown a window that failed", _WATCHES, " && !watch_.failed();", ";"),
    CoreMutant(
        "phones read only the first prediction",
        _WATCHES,
        "  if (window == shown_) return;",
        "  if ((window == 0) == (shown_ == 0)) return;",
    ),
    CoreMutant(
        "phones are shown a prediction again and again", _WATCHES, "  if (window == shown_) return;\n", ""
    ),
    CoreMutant(
        "phones read on when the link is full",
        _SESSION,
        "  show();  // last",
        "  if (!more) show();  // last",
    ),
    CoreMutant("phones' label", _WATCHES, "labels_.length(last.label);", "labels_.length(0);"),
    CoreMutant("phones' name", _WATCHES, "labels_.name(last.label), length", "labels_.name(0), length"),
    CoreMutant("phones' number", _WATCHES, "write_number(last.label, text)", "write_number(0, text)"),
    CoreMutant("phones' confidence", _WATCHES, "last.confidence * 100u / 255u", "last.confidence"),
    CoreMutant("phones' none", _WATCHES, "if (last.label == kNoLabel) {\n    std", "if (false) {\n    std"),
    CoreMutant("CLASSIFY's mode is not judged", _WATCHES, "(asked.mode & ~kModes) != 0 || ", ""),
    CoreMutant(
        "CLASSIFY's unknown",
        _WATCH,
        "static_cast<uint32_t>(unknown_) * count",
        "static_cast<uint32_t>(0) * count",
    ),
    CoreMutant("CLASSIFY's unknown is not judged", _WATCHES, " || asked.unknown > kMostUnknown", ""),
    CoreMutant(
        "CLASSIFY by a head of zeros",
        _WATCHES,
        "head != nullptr && !all_zero(",
        "head != nullptr && all_finite(",
    ),
    CoreMutant(
        "CLASSIFY is answered after another request",
        _SESSION,
        "  awaited_ = Kind::kInfo;  // a host",
        "  // a host",
    ),
    CoreMutant(
        "a board classifies for ever", _WATCH, " - asked_ >= kPatience) stop();", " - asked_ >= kPatience) {}"
    ),
    CoreMutant("CLASSIFIED's window", _WATCH, "last_.window = number_;", "last_.window = 1;"),
    CoreMutant("CLASSIFIED's label", _WATCH, _JUDGED, "last_.label = last_.likeliest;"),
    CoreMutant("CLASSIFIED's likeliest", _WATCH, "&last_.likeliest);", "&last_.label);"),
    CoreMutant(
        "CLASSIFIED's confidence",
        _WATCH,
        "static_cast<uint8_t>(255.0f / sum)",
        "static_cast<uint8_t>(250.0f / sum)",
    ),
    CoreMutant("CLASSIFIED's threshold", _WATCH, "last_.threshold = threshold_;", ""),
    CoreMutant("a failed extractor is not told", _WATCHES, "if (watch_.failed()) {", "if (false) {"),
    CoreMutant("RECORD over an open radio link", _WATCHES, "link.seal == nullptr && !link.cable", "false"),
    CoreMutant("RECORD's offset", _WATCHES, "watch_.window() + offset", "watch_.window()"),
    CoreMutant(
        "RECORD's offset is not judged",
        _WATCHES,
        "if (asked.offset >= identity_.input_size) return",
        "if (false) return",
    ),
    CoreMutant("RECORDED's window", _WATCHES, _RECORDED, "{0, identity_.input_size, offset}"),
    CoreMutant("RECORDED's total", _WATCHES, _RECORDED, "{watch_.number(), 0, offset}"),
    CoreMutant("RECORDED's offset", _WATCHES, _RECORDED, "{watch_.number(), identity_.input_size, 0}"),
)
