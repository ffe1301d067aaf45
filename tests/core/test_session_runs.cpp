// Runs, visits and sessions: when a run takes effect, what a visit leaves alone, who is told of a round, and
// how a delta is released.
#include "bench_board.h"

using namespace bench;

TEST(run_another_run_takes_effect_with_its_first_request_that_needs_it) {
  const Bytes head = BenchBoard::head();
  const Request firsts[] = {BenchBoard::next_of(6, head, head, RoundFlag::kStatistics),
                            BenchBoard::begin_of(6, head),
                            {Kind::kAdd, body_of(BenchBoard::add_of(BenchBoard::records(1), 6, 1, 0))},
                            {Kind::kCapture, body_of(Capture{0, 0, 0, 0})},
                            {Kind::kLabel, body_of(Label{0, kClasses})},
                            {Kind::kRelease, body_of(Release{7, 1})}};
  for (const Request& first : firsts) {
    BenchBoard board;
    board.ready();
    board.round(7, head);
    const Welcome welcome = board.hello(2);  // says how it will be
    CHECK_EQUAL(static_cast<int>(welcome.state), 0);
    CHECK_EQUAL(welcome.round, 0);
    board.configure();
    board.store();
    for (Kind harmless : {Kind::kInfo, Kind::kAbout, Kind::kSave, Kind::kPoll}) {
      board.ask(harmless);
      board.take();
    }
    board.expect_no_pull();
    CHECK_EQUAL(board.session.round(), 7);  // and it is still as it was
    CHECK(board.session.holds_delta());
    CHECK_EQUAL(board.session.round_record().run, 1u);
    board.ask(first);
    CHECK(board.take()[0] != static_cast<uint8_t>(Kind::kError));
    CHECK_EQUAL(board.session.round_record().run, 2u);
    CHECK(!board.session.holds_delta());
    CHECK_EQUAL(board.session.store().count(Split::kTrain), 6);
    CHECK_EQUAL(board.global_head(), head);  // never its samples or its head, but for the round that came
  }
}

TEST(run_a_request_of_another_run_that_is_cut_short_changes_nothing) {
  BenchBoard board;
  board.ready();
  board.round(7, BenchBoard::head());
  board.hello(2);
  for (Kind kind : {Kind::kNext, Kind::kBegin, Kind::kAdd, Kind::kCapture, Kind::kRelease}) {
    board.ask(kind, {1});
    board.expect_error(Status::kBadLength);
  }
  CHECK(board.session.holds_delta());
  CHECK_EQUAL(board.session.round_record().run, 1u);
}

TEST(run_a_visit_loses_nothing) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  const Done done = board.round(7, head);
  const Bytes delta = board.pull();
  for (uint32_t run : {kVisit, uint32_t{9}}) {
    const Welcome welcome = board.hello(run);
    CHECK_EQUAL(static_cast<int>(welcome.state), run == kVisit ? 3 : 0);
    CHECK_EQUAL(welcome.round, run == kVisit ? 7 : 0);
    board.expect_silence();  // DONE is for who asked
    board.poll();
    board.expect_error(Status::kNotReceived);
    board.expect_no_pull();
  }
  const Welcome welcome = board.hello();
  CHECK_EQUAL(static_cast<int>(welcome.state), 3);
  CHECK_EQUAL(welcome.round, 7);
  board.configure();
  board.ask(BenchBoard::begin_of(7, head));
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 3);
  CHECK_EQUAL(board.expect<Done>().crc, done.crc);
  CHECK_EQUAL(board.pull(), delta);
}

TEST(run_a_visit_belongs_to_the_run_that_the_board_knows) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  board.round(7, head);
  board.hello(kVisit);
  board.ask(BenchBoard::begin_of(6, head));
  board.expect_error(Status::kStaleRound);
  board.configure();
  board.round(8, head);
  CHECK_EQUAL(board.session.round_record().run, 1u);
  board.release(0);
  CHECK_EQUAL(board.session.round_record().run, 1u);
  CHECK_EQUAL(board.session.round(), 0);
}

TEST(run_done_goes_only_to_who_asked_in_this_session) {
  BenchBoard board(250, 32);
  board.ready();
  const Request next = BenchBoard::next_of(1, BenchBoard::head());
  board.give(board.control(next.kind, ++board.sequence, next.body));
  board.session.poll();
  CHECK_EQUAL(static_cast<int>(board.session.state()), 2);
  board.give(board.control(Kind::kHello, board.sequence, body_of(Hello{2, 2, 1, 0, 250})));
  board.work();
  CHECK_EQUAL(static_cast<int>(board.expect<Welcome>().state), 2);
  board.expect_silence();
  CHECK_EQUAL(static_cast<int>(board.session.state()), 3);
  board.poll();  // of the sequence number that the NEXT had
  board.expect_error(Status::kNotReceived);
  board.ask(next);
  const Done done = board.expect<Done>();
  CHECK_EQUAL(crc32(board.tail.data(), board.tail.size()), done.crc);
}

TEST(run_release) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  board.round(7, head);
  const uint32_t changes = board.session.round_changes();
  for (uint16_t other : {6, 8, 65535}) {
    board.release(other);
    CHECK(board.session.holds_delta());
  }
  CHECK_EQUAL(board.session.round_changes(), changes);
  const Bytes delta = board.pull();
  board.release(7);
  CHECK(!board.session.holds_delta());
  CHECK_EQUAL(board.session.round(), 7);
  const uint32_t after = board.session.round_changes();
  CHECK(after != changes);
  board.release(7);  // once more, since RELEASED was lost
  CHECK_EQUAL(board.session.round_changes(), after);
  board.ask(BenchBoard::begin_of(6, head));
  board.expect_error(Status::kStaleRound);  // the run goes on where it was
  board.round(8, head);
  board.release(0, 0);
  CHECK(!board.session.holds_delta());
  CHECK_EQUAL(board.session.round(), 0);
  CHECK_EQUAL(board.global_head(), head);
  board.configure();
  board.round(1, head);
}

TEST(run_release_says_nothing_more_of_the_delta) {
  BenchBoard board;
  board.ready();
  board.round(7, BenchBoard::head());
  board.give(board.control(Kind::kPoll, board.sequence));
  board.give(board.control(Kind::kGet, ++board.sequence, body_of(Get{0, 2})));
  board.release(7);
  board.expect_silence();
}

TEST(run_release_decides_what_becomes_of_the_encoding_error) {
  // A delta that did not count leaves no trace, one that did leaves its encoding error: as the next round
  // does.
  const Bytes head = BenchBoard::head();
  Bytes deltas[2][2];
  for (int counted = 0; counted < 2; ++counted) {
    for (int released = 0; released < 2; ++released) {
      BenchBoard board(250, 32);
      board.ready();
      board.ask(Config{0, 2, 1, 2, 0.1f, 9});  // onebit
      board.take();
      board.ask(BenchBoard::next_of(1, head));
      board.expect<Done>();
      if (released == 1) board.release(1, static_cast<uint8_t>(counted));
      const uint8_t uncounted = released == 0 && counted == 0 ? RoundFlag::kUncounted : 0;
      board.ask(BenchBoard::next_of(2, head, {}, RoundFlag::kTrain | uncounted));
      board.expect<Done>();
      deltas[counted][released] = board.tail;
    }
    CHECK_EQUAL(deltas[counted][0], deltas[counted][1]);
  }
  CHECK(!(deltas[0][0] == deltas[1][0]));
}

TEST(run_done_tells_of_samples_that_the_host_does_not_know) {
  BenchBoard board(250, 32);
  board.hello();
  board.configure();
  board.provision();
  const Bytes head = BenchBoard::head();
  board.ask(BenchBoard::next_of(1, head));
  CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), static_cast<int>(Status::kOtherSamples));
  CHECK_EQUAL(board.tail.size(), 48u);  // it has been trained nevertheless
  const uint8_t sequence = board.sequence;
  board.store();
  board.give(board.control(Kind::kPoll, sequence));
  board.work();
  CHECK_EQUAL(static_cast<int>(board.expect<Done>(sequence).status), 0);
  board.ask(BenchBoard::next_of(2, head, {}, RoundFlag::kTrain | RoundFlag::kStatistics));
  CHECK_EQUAL(static_cast<int>(board.expect<Result>().status), 0);
  board.release(2);
  CHECK_EQUAL(board.add(BenchBoard::records(1), 6, 1, 0), 0);
  board.ask(BenchBoard::next_of(3, head, {}, RoundFlag::kTrain | RoundFlag::kStatistics));
  const Result result = board.expect<Result>();  // says their number itself
  CHECK_EQUAL(static_cast<int>(result.status), 0);
  CHECK_EQUAL(result.num_examples, 7);
  board.ask(BenchBoard::next_of(4, head, {}, 0));
  CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), 0);  // no delta, nothing to weigh
  board.ask(BenchBoard::next_of(5, head, {}));
  CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), static_cast<int>(Status::kOtherSamples));
  board.hello();  // a whole opening tells of them
  board.configure();
  board.ask(BenchBoard::next_of(5, head, {}));
  CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), 0);
}
