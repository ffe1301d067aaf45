// CLASSIFY and RECORD: what the sensor tells now.
#include "bench_board.h"
#include "bytefed/learning/exact_math.h"

using namespace bench;

namespace {

// A board that has a sensor and a head, and is asked over a cable.
struct Watching : BenchBoard {
  explicit Watching(uint8_t frame_limit = 20, bool trained = true) : BenchBoard(frame_limit, 2, true, true) {
    wire.link.cable = true;
    hello();
    if (!trained) return;
    ask(begin_of(1, head(), 0));
    expect<Accept>();
    push(head());
    wire.sent.clear();
  }
  static Bytes window(uint8_t first) {
    Bytes bytes(kInputs, 3);
    bytes[0] = first;
    return bytes;
  }
  void sees(uint8_t first) {
    windows.push_back(window(first));
    work();
  }
  void classify(uint16_t after, uint8_t mode = 0, uint8_t unknown = 0) {
    ask(Classify{after, mode, unknown});
  }
  void refused(const Request& request, Status status) {
    ask(request);
    expect_error(status);
  }
  void wait(uint32_t milliseconds) {
    now += milliseconds;
    work();
  }
};

Request request_of(const Classify& message) {
  return {Kind::kClassify, body_of(message)};
}
Request request_of(const Record& message) {
  return {Kind::kRecord, body_of(message)};
}

// The confidence in units of 1/255 that the bench's head has in a window.
Classified judged(const BenchBoard& board, const Bytes& window) {
  int8_t features[kFeatures];
  for (size_t i = 0; i < kFeatures; ++i) features[i] = static_cast<int8_t>(window[i] ^ window[kInputs - 1]);
  float z[kClasses];
  logits(board.session.global_head(), features, {0.5f, -2}, {kFeatures, kClasses}, z);
  const size_t best = argmax(z, kClasses);
  float sum = 0.0f;
  for (float value : z) sum += exact_exp(value - z[best]);
  return {0, static_cast<uint8_t>(best), static_cast<uint8_t>(best), static_cast<uint8_t>(255.0f / sum), 0};
}

}  // namespace

TEST(classify_answers_when_the_next_window_is_there) {
  Watching board;
  board.classify(0);
  board.expect_silence();
  board.sees(9);
  const Classified found = board.expect<Classified>();
  const Classified expected = judged(board, Watching::window(9));
  CHECK_EQUAL(found.window, 1);
  CHECK_EQUAL(found.label, expected.label);
  CHECK_EQUAL(found.likeliest, expected.likeliest);
  CHECK_EQUAL(found.confidence, expected.confidence);
  CHECK_EQUAL(found.threshold, 0);
  board.sees(90);  // nobody asks: it is classified, and told when somebody does
  board.expect_silence();
  board.classify(1);
  CHECK_EQUAL(board.expect<Classified>().window, 2);
  board.classify(2);
  board.expect_silence();
  board.classify(0);  // a host that knows none
  CHECK_EQUAL(board.expect<Classified>().window, 2);
}

TEST(classify_asked_again_is_answered_once) {
  Watching board;
  board.classify(0);
  board.ask_again(request_of(Classify{0, 0, 0}));
  board.expect_silence();
  board.sees(9);
  board.expect<Classified>();
  board.expect_silence();
}

TEST(classify_is_forgotten_once_the_host_asks_for_something_else) {
  Watching board;
  board.classify(0);
  board.store();
  board.sees(9);
  board.expect_silence();
}

TEST(a_question_ends_with_its_session) {
  for (const Request& asked : {request_of(Classify{0, Classify::kAlone, 0}), request_of(Record{0, 0})}) {
    Watching board;
    board.ask(asked);
    board.hello();
    board.sees(9);
    board.expect_silence();
  }
}

TEST(a_question_ends_with_its_connection) {
  for (const Request& asked : {request_of(Classify{0, Classify::kAlone, 0}), request_of(Record{0, 0})}) {
    Watching board;
    board.ask(asked);
    board.session.closed(&board.wire.link);
    board.sees(9);
    board.expect_silence();
    CHECK(board.session.sensing());
  }
}

TEST(classify_is_judged) {
  Watching board;
  board.refused({Kind::kClassify, Bytes(3, 0)}, Status::kBadLength);
  board.refused(request_of(Classify{0, 16, 0}), Status::kBadValue);
  board.refused(request_of(Classify{0, 0, 51}), Status::kBadValue);
  board.refused(request_of(Classify{0, Classify::kPersonal, 0}), Status::kUntrained);
  Watching untrained(20, false);
  untrained.refused(request_of(Classify{0, 0, 0}), Status::kUntrained);
  BenchBoard blind;
  blind.hello();
  blind.ask(Classify{0, 0, 0});
  blind.expect_error(Status::kNoSensor);
}

TEST(classify_and_capture_take_turns) {
  Watching board;
  board.classify(0);
  board.expect_silence();
  board.ask(Capture{0, 2, 1, 0});
  board.expect<Captured>();
  board.sees(1);
  board.expect_silence();
  board.refused(request_of(Classify{0, 0, 0}), Status::kBusy);
  board.refused(request_of(Record{0, 0}), Status::kBusy);
  board.sees(2);
  CHECK(!board.session.capturing());
  CHECK(board.session.board().capabilities & Board::kSensed);
  board.classify(0);
  board.sees(3);
  CHECK_EQUAL(board.expect<Classified>().window, 1);  // captured windows have no number
}

TEST(a_board_tells_of_samples_of_its_sensor_while_it_has_some) {
  Watching board;
  CHECK_EQUAL(board.add(BenchBoard::records(2), 0, 2, Add::kAnew), 0);
  CHECK_EQUAL(board.session.board().capabilities & Board::kSensed, 0);
  board.ask(Discard{0, 0, 0});
  board.expect<Discarded>();
  board.ask(Capture{0, 1, 1, 0});
  board.expect<Captured>();
  board.sees(1);
  CHECK(board.session.board().capabilities & Board::kSensed);
  board.ask(Discard{Discard::kLabel, 1, 0});
  board.expect<Discarded>();
  CHECK_EQUAL(board.session.board().capabilities & Board::kSensed, 0);
}

TEST(classify_ends_when_nobody_asks) {
  Watching board;
  board.classify(0);
  board.wait(4000);
  CHECK(board.session.sensing());
  board.wait(2000);
  CHECK(!board.session.sensing());
  board.classify(0, Classify::kAlone);
  board.wait(60000);
  CHECK(board.session.classifying());
  board.classify(0, Classify::kStop);
  board.expect<Classified>();
  CHECK(!board.session.sensing());
}

TEST(a_head_without_bounds_finds_nothing_likely) {
  Watching board;
  const Bytes large = [] {
    float values[kParameters];
    for (float& value : values) value = 3e38f;
    return BenchBoard::blob_of(values);
  }();
  board.ask(BenchBoard::begin_of(2, large, 0));
  board.expect<Accept>();
  board.push(large);
  board.wire.sent.clear();
  board.classify(0);
  board.sees(99);
  CHECK_EQUAL(board.expect<Classified>().confidence, 0);
}

TEST(classify_says_when_the_extractor_fails) {
  Watching board;
  board.classify(0);
  board.extractions_to_failure = 0;
  board.sees(9);
  board.expect_error(Status::kExtractorFailed);
}

TEST(a_window_that_is_like_no_sample_has_no_label) {
  Watching board;
  CHECK_EQUAL(board.add(BenchBoard::records(12), 0, 12, Add::kAnew), 0);
  int known = 0, strange = 0;
  for (int value = -30; value < 128; value += 7) {
    Bytes window(kInputs, static_cast<uint8_t>(value));
    window.back() = 0;
    board.classify(board.session.watched().window, 0, 50);
    board.windows.push_back(window);
    board.work();
    const Classified found = board.expect<Classified>();
    CHECK_EQUAL(found.label, found.confidence < found.threshold ? kNoLabel : found.likeliest);
    (found.label == kNoLabel ? strange : known) += 1;
  }
  CHECK(known > 0 && strange > 0);
}

TEST(a_threshold_leaves_out_that_many_of_the_own_samples) {
  for (uint8_t unknown : {0, 10, 25, 50}) {
    Watching board;
    CHECK_EQUAL(board.add(BenchBoard::records(12), 0, 12, Add::kAnew), 0);
    std::vector<int> confidences;
    for (uint16_t i = 0; i < 12; ++i) {
      const SampleStore& store = board.session.store();
      float z[kClasses], sum = 0.0f;
      logits(board.session.global_head(), store.get(Split::kTrain, i).features, store.quantization(),
             {kFeatures, kClasses}, z);
      for (float value : z) sum += exact_exp(value - z[argmax(z, kClasses)]);
      confidences.push_back(static_cast<uint8_t>(255.0f / sum));
    }
    int largest = 0;
    for (int tried = 0; tried <= 255 && unknown > 0; ++tried) {
      int below = 0;
      for (int confidence : confidences) below += confidence < tried;
      if (below * 100 <= unknown * 12) largest = tried;
    }
    board.classify(0, 0, unknown);
    board.sees(9);
    const Classified found = board.expect<Classified>();
    CHECK_EQUAL(found.threshold, largest);
    CHECK_EQUAL(found.label, found.confidence < largest ? kNoLabel : found.likeliest);
  }
}

TEST(a_personal_head_is_the_one_that_training_left) {
  Watching board;
  CHECK_EQUAL(board.add(BenchBoard::records(6), 0, 6, Add::kAnew), 0);
  Config plan = BenchBoard::plan();
  plan.codec_up = kPersonal;
  board.ask(plan);
  CHECK_EQUAL(board.take(), board.control(Kind::kConfigured, board.sequence));
  board.measured_round(2, BenchBoard::head());
  board.classify(0, Classify::kPersonal);
  board.expect_silence();  // it has one now
  board.sees(9);
  board.expect<Classified>();
  board.session.forget();
  board.refused(request_of(Classify{0, Classify::kPersonal, 0}), Status::kUntrained);
}

TEST(phones_read_nothing_that_nobody_opened) {
  Watching board;
  for (uint8_t mode : {0, int{Classify::kAlone}}) {
    board.classify(board.session.watched().window, mode);
    board.sees(9);
    board.expect<Classified>();
    CHECK_EQUAL(board.phone, "");
    CHECK_EQUAL(board.session.board().capabilities & Board::kShown, 0);
  }
  CHECK_EQUAL(board.texts, 0);
}

TEST(phones_read_each_prediction_as_text) {
  Watching board;
  board.classify(0, Classify::kShow);
  CHECK_EQUAL(board.phone, "");  // there is none yet
  CHECK(board.session.board().capabilities & Board::kShown);
  board.sees(9);
  const Classified found = board.expect<Classified>();
  const std::string percent = " " + std::to_string(found.confidence * 100 / 255) + "%";
  CHECK_EQUAL(board.phone, std::to_string(found.label) + percent);
  const std::string longest(kLabelName, 'w');
  for (const std::string& name : {std::string("walk"), longest}) {
    board.ask(Kind::kLabel, joined({found.label, kClasses}, Bytes(name.begin(), name.end())));
    board.expect<Labelled>();
    board.sees(9);
    CHECK_EQUAL(board.phone, name + percent);
  }
  CHECK_EQUAL(board.texts, 3);  // one a window
}

TEST(phones_read_confidences_of_one_to_three_digits) {
  Watching board;
  const auto confident = [&](float weight) {
    float values[kParameters] = {};
    values[kParameters - 1] = weight;  // the second label's bias
    const Bytes head = BenchBoard::blob_of(values);
    board.ask(BenchBoard::begin_of(static_cast<uint16_t>(board.session.round() + 1), head, 0));
    board.expect<Accept>();
    board.push(head);
    board.wire.sent.clear();
    board.classify(board.session.watched().window, Classify::kShow);
    board.sees(9);
    board.expect<Classified>();
    return board.phone;
  };
  CHECK_EQUAL(confident(99.0f), "1 100%");
  CHECK_EQUAL(confident(1e-6f), "1 49%");                // 127 of 255
  const Bytes large(kParameters * sizeof(float), 0x7E);  // of each other, such logits are no numbers
  board.ask(BenchBoard::begin_of(9, large, 0));
  board.expect<Accept>();
  board.push(large);
  board.wire.sent.clear();
  board.classify(board.session.watched().window, Classify::kShow);
  board.sees(9);
  CHECK_EQUAL(board.expect<Classified>().confidence, 0);
  CHECK_EQUAL(board.phone.substr(1), " 0%");
}

TEST(phones_read_that_a_window_is_none) {
  Watching board;
  CHECK_EQUAL(board.add(BenchBoard::records(12), 0, 12, Add::kAnew), 0);
  bool none = false;
  for (int value = -30; value < 128; value += 7) {
    Bytes window(kInputs, static_cast<uint8_t>(value));
    window.back() = 0;
    board.classify(board.session.watched().window, Classify::kShow, 50);
    board.windows.push_back(window);
    board.work();
    const bool strange = board.expect<Classified>().label == kNoLabel;
    CHECK_EQUAL(board.phone == "none", strange);
    none = none || strange;
  }
  CHECK(none);
}

TEST(phones_read_nothing_once_the_board_classifies_no_more) {
  Watching board;
  const auto opened = [&](uint8_t mode) {
    board.classify(board.session.watched().window, mode);
    board.sees(9);
    board.expect<Classified>();
    CHECK(!board.phone.empty());
  };
  const uint8_t alone = Classify::kShow | Classify::kAlone;
  opened(alone);
  board.classify(0, Classify::kStop);
  CHECK_EQUAL(board.phone, "");
  CHECK_EQUAL(board.session.board().capabilities & Board::kShown, 0);
  board.expect<Classified>();
  opened(Classify::kShow);
  board.wait(6000);
  CHECK_EQUAL(board.phone, "");
  opened(alone);
  board.wait(60000);
  CHECK(!board.phone.empty());
  board.classify(board.session.watched().window);  // a host that does not open it
  CHECK_EQUAL(board.phone, "");
  board.sees(9);
  board.expect<Classified>();
  CHECK_EQUAL(board.phone, "");
  opened(alone);
  board.wire.refusals = 1000000;  // its link takes nothing
  board.give(board.control(Kind::kClassify, ++board.sequence, body_of(Classify{0, Classify::kStop, 0})));
  board.session.poll();
  CHECK_EQUAL(board.phone, "");
  board.wire.refusals = 0;
  board.work();
  board.expect<Classified>();
  opened(alone);
  board.session.forget();
  board.work();
  CHECK_EQUAL(board.phone, "");
}

TEST(phones_read_nothing_of_windows_that_were_not_classified_as_asked) {
  Watching board;
  board.ask(Record{0, 0});
  board.sees(9);
  board.expect<Recorded>();
  board.classify(1, Classify::kShow);
  CHECK_EQUAL(board.phone, "");  // the window was recorded alone
  board.sees(9);
  board.expect<Classified>();
  CHECK(!board.phone.empty());
  board.classify(2, Classify::kShow, 10);
  CHECK_EQUAL(board.phone, "");
}

TEST(phones_read_nothing_of_what_is_captured_and_of_windows_that_fail) {
  Watching board;
  board.classify(0, Classify::kShow | Classify::kAlone);
  board.sees(9);
  board.expect<Classified>();
  board.extractions_to_failure = 0;
  board.sees(9);
  CHECK_EQUAL(board.phone, "");
  board.sees(9);
  CHECK(!board.phone.empty());
  board.ask(Capture{0, 1, 1, 0});
  board.expect<Captured>();
  CHECK_EQUAL(board.phone, "");
  board.sees(9);
  board.sees(9);
  CHECK(!board.phone.empty());  // it goes on
}

TEST(a_board_without_a_radio_that_is_on_can_not_be_opened) {
  Watching board;
  board.radio = false;
  board.refused(request_of(Classify{0, Classify::kShow, 0}), Status::kNoRadio);
  CHECK(!board.session.sensing());
  board.classify(0);
  board.sees(9);
  board.expect<Classified>();
  board.radio = true;
  board.classify(1, Classify::kShow);
  board.sees(9);
  board.expect<Classified>();
  const int texts = board.texts;
  board.classify(2, Classify::kShow);  // it is asked for each window, and shows each once
  CHECK_EQUAL(board.texts, texts);
  CHECK(!board.phone.empty());
}

TEST(record_gives_a_window_in_parts) {
  Watching board;  // frames of 20 bytes have room for 12, a window has 7
  board.ask(Record{0, 0});
  board.expect_silence();
  board.sees(42);
  Recorded part = board.expect<Recorded>();
  CHECK_EQUAL(part.window, 1);
  CHECK_EQUAL(part.total, kInputs);
  CHECK_EQUAL(part.offset, 0);
  CHECK_EQUAL(board.tail, Watching::window(42));
  board.ask(Record{0, 5});
  part = board.expect<Recorded>();
  CHECK_EQUAL(part.offset, 5);
  CHECK_EQUAL(board.tail, (Bytes{3, 3}));
  board.ask(Record{1, 0});
  board.expect_silence();
  board.refused(request_of(Record{0, kInputs}), Status::kBadValue);
  board.refused({Kind::kRecord, Bytes(3, 0)}, Status::kBadLength);
}

TEST(record_needs_a_cable_or_a_seal) {
  Watching board;
  board.wire.link.cable = false;
  board.refused(request_of(Record{0, 0}), Status::kUnpaired);
  CHECK(!board.session.sensing());
}

// A board that hears, on which a host that has gone away has left a capture.
TEST(a_capture_waits_a_minute_for_sound) {
  BenchBoard board(20, 2, true, true, Board::kExtractor | Board::kSensor | Board::kHears);
  board.hello();
  const Capture asked = {0, 3, 1, Capture::kOnSound};
  board.ask(asked);
  CHECK_EQUAL(board.expect<Captured>().state, 1);
  const auto waits = [&](uint32_t milliseconds) {
    board.now += milliseconds;
    board.work();
    return board.session.capturing();
  };
  CHECK(waits(59000));
  board.windows.push_back(Bytes(kInputs, 3));
  CHECK(waits(500));
  CHECK(waits(59000));  // since that window
  CHECK(!waits(1000));
  board.ask(asked);  // the same one tells how it ended
  const Captured ended = board.expect<Captured>();
  CHECK_EQUAL(ended.state, 0);
  CHECK_EQUAL(ended.count, 1);
}

TEST(a_capture_at_any_time_waits_for_its_windows) {
  BenchBoard board(20, 2, true, true, Board::kExtractor | Board::kSensor | Board::kHears);
  board.hello();
  board.ask(Capture{0, 3, 1, 0});
  board.now += 600000;
  board.work();
  CHECK(board.session.capturing());
}

TEST(a_capture_that_was_stopped_can_begin_anew) {
  BenchBoard board(20, 2, true, true);
  board.hello();
  const Capture asked = {0, 3, 1, 0};
  board.ask(asked);
  board.expect<Captured>();
  board.ask(Capture{0, 0, 0, 0});
  CHECK_EQUAL(board.expect<Captured>().state, 0);
  CHECK(!board.session.capturing());
  board.ask(asked);
  CHECK_EQUAL(board.expect<Captured>().state, 1);
  CHECK(board.session.capturing());
}

TEST(level_goes_where_record_goes) {
  Watching board;
  board.ask(Kind::kLevel);
  const Levelled heard = board.expect<Levelled>();
  CHECK_EQUAL(heard.peak, 1234);
  CHECK_EQUAL(heard.clipped, 5);
  board.wire.link.cable = false;
  board.refused({Kind::kLevel, {}}, Status::kUnpaired);
}

TEST(a_board_that_was_stopped_records_for_a_while_alone) {
  Watching board;
  board.classify(0, Classify::kAlone);
  board.sees(9);
  board.expect<Classified>();
  board.wait(60000);
  CHECK(board.session.sensing());
  board.classify(0, Classify::kStop);
  board.expect<Classified>();
  board.ask(Record{1, 0});
  CHECK(board.session.sensing());
  board.wait(6000);
  CHECK(!board.session.sensing());
}

TEST(no_number_of_a_window_stands_for_one_that_is_not_classified) {
  Watching board;
  CHECK_EQUAL(board.add(BenchBoard::records(6), 0, 6, Add::kAnew), 0);
  board.classify(0, Classify::kAlone);
  for (int number = 1; number <= 0xFFFF; ++number) board.sees(9);
  board.wire.sent.clear();
  board.classify(2, Classify::kAlone, 10);  // otherwise than the window was
  board.expect_silence();
  board.sees(9);
  CHECK_EQUAL(board.expect<Classified>().window, 1);
}

// A board whose training samples are being judged for a threshold, when an ADD of test samples is whole.
TEST(a_threshold_is_that_of_the_samples_that_are_there) {
  for (const int works : {-1, 1}) {
    Watching board;
    CHECK_EQUAL(board.add(BenchBoard::records(12), 0, 12, Add::kAnew), 0);
    const Bytes more = BenchBoard::records(2, kInputs);
    board.ask(BenchBoard::add_of(more, 0, 2, Add::kTest | Add::kInputs));
    board.expect<Added>();
    board.extractions_to_failure = works;
    board.give(board.control(Kind::kClassify, 99, body_of(Classify{0, Classify::kAlone, 50})));
    for (int slice = 0; slice < 6; ++slice) board.session.poll();
    board.push(more);
    CHECK_EQUAL(board.session.store().count(Split::kTest), works < 0 ? 2 : 0);
    board.wire.sent.clear();
    board.extractions_to_failure = -1;
    board.classify(0, Classify::kAlone, 50);
    board.sees(9);
    const uint8_t found = board.expect<Classified>().threshold;
    board.classify(0, Classify::kStop);
    board.expect<Classified>();
    board.classify(1, Classify::kAlone, 50);
    board.sees(9);
    CHECK_EQUAL(found, board.expect<Classified>().threshold);
  }
}

TEST(a_board_that_forgets_tells_no_window_of_before) {
  Watching board;
  board.classify(0);
  board.sees(42);
  CHECK_EQUAL(board.expect<Classified>().window, 1);
  board.session.forget();
  board.ask(Record{0, 0});
  board.expect_silence();
  CHECK_EQUAL(board.raw_window(), Bytes(kInputs, 0));
  board.sees(43);
  board.expect<Recorded>();
  CHECK_EQUAL(board.tail, Watching::window(43));
  board.ask(Classify{0, Classify::kStop, 0});
  CHECK_EQUAL(board.expect<Classified>().window, 0);
}

TEST(training_goes_on_while_windows_are_classified) {
  Watching board;
  CHECK_EQUAL(board.add(BenchBoard::records(6), 0, 6, Add::kAnew), 0);
  board.configure(3);
  board.store();
  board.classify(0, Classify::kAlone);
  board.give(board.control(Kind::kPoll, board.sequence));
  board.wire.sent.clear();
  board.begin_and_push(2, BenchBoard::head(), RoundFlag::kTrain);
  CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), 0);
  CHECK(board.session.classifying());
}
