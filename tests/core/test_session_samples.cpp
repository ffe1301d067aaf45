// ADD: what goes into the sample store, and what does not.
#include "bench_board.h"
#include "bytefed/learning/exact_math.h"

using namespace bench;

namespace {

void counts(BenchBoard& board, uint16_t train, uint16_t test) {
  const Stored stored = board.store();
  CHECK_EQUAL(stored.train, train);
  CHECK_EQUAL(stored.test, test);
}

}  // namespace

TEST(add_is_judged) {
  BenchBoard board;
  board.hello();
  const Bytes two = BenchBoard::records(2);
  const auto refused = [&](Add add, Status status) {
    board.ask(add);
    board.expect_error(status);
  };
  Add add = BenchBoard::add_of(two, 0, 2, Add::kAnew);
  add.count = 0;
  refused(add, Status::kBadValue);
  refused(BenchBoard::add_of(two, 1, 2, 0), Status::kBadValue);
  refused(BenchBoard::add_of(two, 1, 2, Add::kAnew), Status::kBadValue);
  for (float scale : {0.0f, -1.0f, float_from_bits(0x7F800000u), float_from_bits(0x7FC00000u)}) {
    add = BenchBoard::add_of(two, 0, 2, 0);
    add.scale = scale;
    refused(add, Status::kBadValue);
  }
  refused(BenchBoard::add_of(two, 0, kCapacity + 1, 0), Status::kStoreFull);
  refused(BenchBoard::add_of(two, 0, 65535, 0), Status::kStoreFull);
  refused(BenchBoard::add_of(two, 0, 13, 0), Status::kTooLarge);  // 78 bytes, the buffer has 72
  refused(BenchBoard::add_of(two, 0, 10, Add::kInputs), Status::kTooLarge);
  counts(board, 0, 0);

  BenchBoard plain(20, 2, false);
  plain.hello();
  plain.ask(BenchBoard::add_of(two, 0, 2, Add::kInputs));
  plain.expect_error(Status::kNoExtractor);
}

// Its memory may be that of windows to classify, which phones go on to read.
TEST(an_add_ends_with_its_link) {
  BenchBoard board;
  board.hello();
  board.ask(BenchBoard::add_of(BenchBoard::records(2), 0, 2, 0));
  board.expect<Added>();
  CHECK_EQUAL(static_cast<int>(board.session.state()), static_cast<int>(State::kReceiving));
  board.session.closed(&board.wire.link);
  CHECK_EQUAL(static_cast<int>(board.session.state()), static_cast<int>(State::kIdle));
}

TEST(add_fills_the_store_to_the_last_sample) {
  BenchBoard board;
  board.hello();
  CHECK_EQUAL(board.add(BenchBoard::records(8), 0, 8, Add::kAnew), 0);
  CHECK_EQUAL(board.add(BenchBoard::records(7), 0, 7, Add::kTest), 0);
  CHECK_EQUAL(board.add(BenchBoard::records(1), 8, 1, 0), 0);
  counts(board, 9, 7);
  board.ask(BenchBoard::add_of(BenchBoard::records(1), 9, 1, 0));
  board.expect_error(Status::kStoreFull);
  CHECK_EQUAL(board.add(BenchBoard::records(2), 0, 2, Add::kAnew | Add::kTest), 0);
  counts(board, 0, 2);
  const Sample sample = board.session.store().get(Split::kTest, 1);
  CHECK_EQUAL(sample.label, 1);
  CHECK_EQUAL(sample.features[0], 31);
}

TEST(add_twice_is_stored_once) {
  BenchBoard board;
  board.hello();
  const Bytes blob = BenchBoard::records(6);
  const Add add = BenchBoard::add_of(blob, 0, 6, 0);
  board.ask(add);
  CHECK_EQUAL(board.expect<Added>().state, 1);
  board.give(board.data(0, false, Bytes(blob.begin(), blob.begin() + 18)));
  board.ask(add);
  const Added again = board.expect<Added>();
  CHECK_EQUAL(again.state, 1);
  CHECK_EQUAL(again.index, 1);
  board.push(blob, 1);
  CHECK_EQUAL(board.final_status(), 0);
  board.ask(add);
  CHECK_EQUAL(board.expect<Added>().state, 0);
  board.hello();
  board.ask(add);
  CHECK_EQUAL(board.expect<Added>().state, 0);
  counts(board, 6, 0);
  Add other = add;
  other.scale = 0.04f;  // the same bytes, but they mean something else
  board.ask(other);
  board.expect_error(Status::kBadValue);
  other.kind = Add::kAnew;
  board.ask(other);
  CHECK_EQUAL(board.expect<Added>().state, 1);
  counts(board, 0, 0);
}

TEST(add_that_was_cut_off_starts_anew_after_hello) {
  BenchBoard board;
  board.hello();
  const Bytes blob = BenchBoard::records(6);
  const Add add = BenchBoard::add_of(blob, 0, 6, 0);
  board.ask(add);
  board.expect<Added>();
  board.give(board.data(0, false, Bytes(blob.begin(), blob.begin() + 18)));
  board.hello();
  board.ask(add);
  CHECK_EQUAL(board.expect<Added>().index, 0);
  board.push(blob);
  CHECK_EQUAL(board.final_status(), 0);
  counts(board, 6, 0);
}

TEST(add_that_was_cut_off_is_not_over) {
  BenchBoard board;
  board.hello();
  const Bytes blob = BenchBoard::records(6);
  board.ask(BenchBoard::add_of(blob, 0, 6, 0));
  board.expect<Added>();
  const uint8_t sequence = board.sequence;
  board.hello();  // an old one, say, that was late
  board.give(board.control(Kind::kPoll, sequence));
  board.work();
  board.expect_error(Status::kNotReceived, sequence);
  counts(board, 0, 0);
}

TEST(add_with_damage_stores_nothing) {
  BenchBoard board;
  board.hello();
  Bytes blob = BenchBoard::records(6);
  const Add add = BenchBoard::add_of(blob, 0, 6, 0);
  blob[7] ^= 4;
  board.ask(add);
  board.expect<Added>();
  board.push(blob);
  CHECK_EQUAL(board.final_status(), static_cast<int>(Status::kBadCrc));
  board.give(board.control(Kind::kPoll, board.sequence));
  board.work();
  CHECK_EQUAL(board.final_status(), static_cast<int>(Status::kBadCrc));
  blob = BenchBoard::records(6);
  blob[6] = kClasses;
  CHECK_EQUAL(board.add(blob, 0, 6, 0), static_cast<int>(Status::kBadLabel));
  counts(board, 0, 0);
  CHECK_EQUAL(board.add(BenchBoard::records(6), 0, 6, 0), 0);
  counts(board, 6, 0);
}

TEST(add_of_inputs_runs_the_extractor) {
  BenchBoard board;
  board.hello();
  const Bytes blob = BenchBoard::records(4, kInputs);
  CHECK_EQUAL(board.add(blob, 0, 4, Add::kInputs), 0);
  counts(board, 4, 0);
  const Sample sample = board.session.store().get(Split::kTrain, 2);
  const int8_t* input = reinterpret_cast<const int8_t*>(blob.data() + 2 * (1 + kInputs) + 1);
  CHECK_EQUAL(sample.features[1], static_cast<int8_t>(input[1] ^ input[kInputs - 1]));
  CHECK_EQUAL(board.session.store().quantization().zero_point, -2);
}

TEST(add_under_extraction_is_answered_and_never_taken_for_another) {
  BenchBoard board;
  board.hello();
  const Bytes blob = BenchBoard::records(4, kInputs);
  const Add add = BenchBoard::add_of(blob, 0, 4, Add::kInputs);
  board.ask(add);
  board.push(Bytes(blob.begin(), blob.begin() + 18));
  board.wire.sent.clear();
  board.give(board.data(1, true, Bytes(blob.begin() + 18, blob.end())));
  board.session.poll();
  board.expect_silence();  // the final ACK comes when all is stored
  board.give(board.control(Kind::kPoll, board.sequence));
  board.session.poll();
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 2);
  const Request next = BenchBoard::next_of(1, blob, {}, RoundFlag::kStatistics);
  board.give(board.control(next.kind, ++board.sequence, next.body));
  board.session.poll();
  board.expect_error(Status::kBusy);
  board.give(board.control(Kind::kAdd, ++board.sequence, body_of(add)));
  board.session.poll();
  const Added again = board.expect<Added>();
  CHECK_EQUAL(again.state, 1);
  CHECK_EQUAL(again.index, 2);
  board.work();
  CHECK_EQUAL(board.final_status(), 0);
  counts(board, 4, 0);
}

TEST(add_whose_extraction_fails_stores_nothing) {
  BenchBoard board;
  board.hello();
  CHECK_EQUAL(board.add(BenchBoard::records(2), 0, 2, 0), 0);
  const Bytes blob = BenchBoard::records(4, kInputs);
  board.extractions_to_failure = 2;
  CHECK_EQUAL(board.add(blob, 2, 4, Add::kInputs), static_cast<int>(Status::kExtractorFailed));
  const uint8_t sequence = board.sequence;
  counts(board, 2, 0);
  CHECK_EQUAL(board.session.store().quantization().zero_point, -3);  // of the samples that it has
  board.give(board.control(Kind::kPoll, sequence));
  board.work();
  CHECK_EQUAL(board.final_status(), static_cast<int>(Status::kExtractorFailed));
  board.extractions_to_failure = -1;
  CHECK_EQUAL(board.add(blob, 2, 4, Add::kInputs), 0);
  counts(board, 6, 0);
}

TEST(add_that_another_session_asked_for_is_neither_answered_nor_polled) {
  BenchBoard board;
  board.hello();
  const Bytes blob = BenchBoard::records(4, kInputs);
  const Add add = BenchBoard::add_of(blob, 0, 4, Add::kInputs);
  board.ask(add);
  const uint8_t sequence = board.sequence;
  board.push(Bytes(blob.begin(), blob.begin() + 18));
  board.give(board.data(1, true, Bytes(blob.begin() + 18, blob.end())));
  board.session.poll();
  board.wire.sent.clear();
  board.give(board.control(Kind::kHello, ++board.sequence, body_of(Hello{2, 2, 1, 5, 250})));
  board.session.poll();
  CHECK_EQUAL(static_cast<int>(board.expect<Welcome>().state), 2);
  board.work();
  board.expect_silence();  // a final ACK would be for a request that this session has not made
  counts(board, 4, 0);
  board.give(board.control(Kind::kPoll, sequence));
  board.work();
  board.expect_error(Status::kNotReceived, sequence);
  board.ask(add);
  CHECK_EQUAL(board.expect<Added>().state, 0);
}

TEST(add_is_given_up_when_another_run_asks_for_something) {
  BenchBoard board;
  board.hello(1);
  const Bytes blob = BenchBoard::records(4, kInputs);
  board.ask(BenchBoard::add_of(blob, 0, 4, Add::kInputs));
  board.push(Bytes(blob.begin(), blob.begin() + 18));
  board.give(board.data(1, true, Bytes(blob.begin() + 18, blob.end())));
  board.session.poll();
  board.session.poll();
  CHECK_EQUAL(board.session.store().count(Split::kTrain), 2);
  board.wire.sent.clear();
  board.give(board.control(Kind::kHello, ++board.sequence, body_of(Hello{2, 2, 2, 5, 250})));
  board.session.poll();
  CHECK_EQUAL(static_cast<int>(board.expect<Welcome>().state), 0);
  CHECK_EQUAL(board.session.store().count(Split::kTrain), 3);
  board.give(board.control(Kind::kRelease, ++board.sequence, body_of(Release{0, 0})));
  counts(board, 0, 0);
}

TEST(add_is_refused_while_a_delta_waits) {
  BenchBoard board;
  board.ready();
  board.round(1, BenchBoard::head());
  board.ask(BenchBoard::add_of(BenchBoard::records(1), 6, 1, 0));
  board.expect_error(Status::kBusy);
  CHECK(board.session.holds_delta());
  board.release(1);
  CHECK(!board.session.holds_delta());
  board.ask(BenchBoard::add_of(BenchBoard::records(1), 6, 1, 0));
  CHECK_EQUAL(board.expect<Added>().state, 1);
}

TEST(add_takes_the_place_of_an_evaluation) {
  BenchBoard board;
  board.ready();
  board.measured_round(1, BenchBoard::head(), RoundFlag::kStatistics);
  CHECK(board.session.state() == State::kReady);
  board.ask(BenchBoard::add_of(BenchBoard::records(1), 6, 1, 0));
  CHECK_EQUAL(board.expect<Added>().state, 1);
}

TEST(store_splits_grow_towards_each_other) {
  uint8_t memory[4 * 3];
  SampleStore store(memory, 4, 2);
  for (int i = 0; i < 4; ++i) {
    const Split split = i % 2 == 0 ? Split::kTrain : Split::kTest;
    int8_t* features = store.next(split);
    CHECK(features != nullptr);
    features[0] = features[1] = static_cast<int8_t>(i);
    store.commit(split, static_cast<uint8_t>(10 + i));
  }
  CHECK(store.full());
  CHECK(store.next(Split::kTrain) == nullptr && store.next(Split::kTest) == nullptr);
  CHECK_EQUAL(store.get(Split::kTrain, 1).label, 12);
  CHECK_EQUAL(store.get(Split::kTest, 1).features[1], 3);
  const uint32_t before = store.crc();
  store.set_quantization({0.5f, 0});
  CHECK(store.crc() != before);
  store.truncate(Split::kTest, 1);
  CHECK_EQUAL(store.count(Split::kTest), 1);
  CHECK(!store.full());
}
