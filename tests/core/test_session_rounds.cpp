// NEXT, BEGIN, training, DONE, RESULT, GET; POLL in every state.
#include "bench_board.h"
#include "bytefed/learning/exact_math.h"

using namespace bench;

namespace {

Bytes sum(const Bytes& head, const Bytes& delta) {
  float a[kParameters], b[kParameters];
  std::memcpy(a, head.data(), sizeof a);
  std::memcpy(b, delta.data(), sizeof b);
  for (size_t i = 0; i < kParameters; ++i) a[i] += b[i];
  return BenchBoard::blob_of(a);
}

// A plan that asks for personal heads, long enough for the trained head to differ from the received one.
Config personal_plan(Codec up = Codec::kFloat32) {
  Config plan = BenchBoard::plan(100, 1, 2.0f);
  plan.codec_up = static_cast<uint8_t>(static_cast<uint8_t>(up) | kPersonal);
  return plan;
}

}  // namespace

TEST(inexact_board_takes_no_round) {
  BenchBoard board(250, 32, true, false, Board::kInexact);
  board.ready();  // everything else works, ADD and CONFIG among it
  const Bytes head = BenchBoard::head();
  board.ask(BenchBoard::next_of(1, head));
  board.expect_error(Status::kInexact);
  board.ask(BenchBoard::begin_of(1, head));
  board.expect_error(Status::kInexact);
  board.ask(BenchBoard::begin_of(1, head, 0));  // it would lead to another head, too
  board.expect_error(Status::kInexact);
  CHECK_EQUAL(board.session.round(), 0);
}

TEST(round_in_chunks) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  const Result result = board.measured_round(1, head);
  CHECK_EQUAL(static_cast<int>(result.status), 0);
  CHECK_EQUAL(result.num_examples, 6);
  CHECK(result.correct <= 6 && result.test_correct <= 3 && result.loss > 0.0f);
  CHECK(result.duration > 0);
  CHECK(board.tail.empty());
  CHECK_EQUAL(board.global_head(), head);
  const Bytes delta = board.pull();
  CHECK_EQUAL(crc32(delta.data(), delta.size()), result.crc);
  CHECK(!(sum(head, delta) == head));
  board.give(board.data(3, false, {0}));  // a pull has no final ACK: this one ends nothing
  board.work();
  board.expect_silence();
  CHECK_EQUAL(static_cast<int>(board.session.state()), 3);
  CHECK_EQUAL(board.pull(), delta);
  board.release(1);
  CHECK_EQUAL(static_cast<int>(board.session.state()), 0);
  board.expect_no_pull();
}

TEST(round_inline_is_two_messages) {
  BenchBoard board(250, 32);
  board.ready();
  const Bytes head = BenchBoard::head();
  board.ask(BenchBoard::next_of(1, head));
  const Done done = board.expect<Done>();
  board.expect_silence();
  CHECK_EQUAL(static_cast<int>(done.status), 0);
  CHECK_EQUAL(board.tail.size(), 48u);
  CHECK_EQUAL(crc32(board.tail.data(), board.tail.size()), done.crc);
  CHECK_EQUAL(board.global_head(), head);
  CHECK_EQUAL(static_cast<int>(board.session.state()), 3);
  board.ask(BenchBoard::next_of(2, head, {}));  // and the next one releases it
  CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), 0);
}

TEST(round_with_statistics_answers_result_instead_of_done) {
  BenchBoard plain(250, 32), measured(250, 32);
  const Bytes head = BenchBoard::head();
  plain.ready();
  plain.ask(BenchBoard::next_of(1, head));
  const Done done = plain.expect<Done>();
  const Bytes delta = plain.tail;
  measured.ready();
  measured.ask(BenchBoard::next_of(1, head, head, RoundFlag::kTrain | RoundFlag::kStatistics));
  const Result result = measured.expect<Result>();
  CHECK_EQUAL(result.crc, done.crc);
  CHECK_EQUAL(measured.tail, delta);
  CHECK_EQUAL(result.num_examples, 6);
}

TEST(round_judges_the_personal_head_too) {
  constexpr uint8_t kBoth = RoundFlag::kTrain | RoundFlag::kStatistics;
  const Bytes head = BenchBoard::head();
  BenchBoard plain(250, 32), personal(250, 32);
  plain.ready();
  plain.ask(BenchBoard::plan(100, 1, 2.0f));
  plain.take();
  plain.ask(BenchBoard::next_of(1, head, head, kBoth));
  const Result usual = plain.expect<Result>();
  const Bytes delta = plain.tail;

  personal.ready();
  personal.ask(BenchBoard::with_config(BenchBoard::next_of(1, head, head, kBoth), personal_plan()));
  const Result told = personal.expect<Result>();
  CHECK_EQUAL(personal.tail, delta);
  CHECK_EQUAL(told.test_correct, usual.test_correct);
  CHECK_EQUAL(told.num_examples, usual.num_examples);
  CHECK_EQUAL(told.loss, usual.loss);
  CHECK_EQUAL(told.crc, usual.crc);

  // The personal head is the received one with the delta: as a received head it classifies as many.
  const Bytes trained = sum(head, delta);
  plain.ask(BenchBoard::next_of(2, trained, trained, RoundFlag::kStatistics));
  const Result judged = plain.expect<Result>();
  CHECK_EQUAL(told.correct, judged.test_correct);
  CHECK(told.correct != told.test_correct && told.correct != usual.correct);
}

TEST(round_without_training_judges_the_personal_head_and_leaves_no_delta) {
  const Bytes head = BenchBoard::head();
  for (const Codec codec : {Codec::kFloat32, static_cast<Codec>(2)}) {
    BenchBoard board(250, 32), trains(250, 32), unasked(250, 32);
    for (BenchBoard* each : {&board, &trains, &unasked}) {
      each->ready();
      each->ask(BenchBoard::with_config(BenchBoard::next_of(1, head), personal_plan(codec)));
      CHECK_EQUAL(static_cast<int>(each->expect<Done>().status), 0);
    }
    board.ask(BenchBoard::next_of(2, head, {}, RoundFlag::kStatistics));
    const Result told = board.expect<Result>();
    CHECK(board.tail.empty());
    CHECK_EQUAL(told.crc, 0u);
    CHECK_EQUAL(board.global_head(), head);
    board.expect_no_pull();
    trains.ask(BenchBoard::next_of(2, head, {}, RoundFlag::kTrain | RoundFlag::kStatistics));
    const Result due = trains.expect<Result>();
    CHECK_EQUAL(told.num_examples, due.num_examples);
    CHECK_EQUAL(told.loss, due.loss);
    CHECK_EQUAL(told.correct, due.correct);
    CHECK_EQUAL(told.test_correct, due.test_correct);
    CHECK(told.loss > 0.0f);
    for (BenchBoard* each : {&board, &unasked}) {
      each->ask(BenchBoard::next_of(3, head, {}));
      CHECK_EQUAL(static_cast<int>(each->expect<Done>().status), 0);
    }
    CHECK_EQUAL(board.tail, unasked.tail);  // the next delta is what it would have been without
  }
}

TEST(round_without_a_plan_or_samples_has_no_personal_head) {
  const Bytes head = BenchBoard::head();
  BenchBoard board(250, 32);
  board.ready();
  board.ask(BenchBoard::with_config(BenchBoard::next_of(1, head), personal_plan()));
  board.take();
  board.hello();  // forgets the plan
  board.ask(BenchBoard::next_of(2, head, {}, RoundFlag::kStatistics));
  Result told = board.expect<Result>();
  CHECK_EQUAL(told.num_examples + told.correct, 0);

  BenchBoard empty(250, 32);
  empty.hello();
  empty.ask(
      BenchBoard::with_config(BenchBoard::next_of(1, head, head, RoundFlag::kStatistics), personal_plan()));
  told = empty.expect<Result>();
  CHECK_EQUAL(told.num_examples + told.correct + told.test_correct, 0);
}

TEST(round_of_the_head_that_the_board_holds_has_no_blob) {
  BenchBoard board(250, 32);
  board.ready();
  const Bytes zeros(48, 0);
  board.ask(BenchBoard::next_of(1, zeros, {}));
  const Done from_zeros = board.expect<Done>();
  CHECK_EQUAL(static_cast<int>(from_zeros.status), 0);
  CHECK_EQUAL(board.global_head(), zeros);
  const Bytes head = BenchBoard::head();
  board.ask(BenchBoard::next_of(2, head));
  CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), 0);

  // A wrong CRC, as of a board that holds another head than its host thinks: it keeps the one that it has.
  board.ask(BenchBoard::next_of(3, zeros, {}));
  board.expect_error(Status::kBadCrc);
  CHECK_EQUAL(board.global_head(), head);
  CHECK_EQUAL(static_cast<int>(board.session.state()), 0);
  board.poll();
  board.expect_error(Status::kBadCrc);
  board.ask(BenchBoard::next_of(3, zeros));
  CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), 0);
  CHECK_EQUAL(board.global_head(), zeros);
}

TEST(round_blob_of_a_wrong_length) {
  BenchBoard board(250, 32);
  board.ready();
  const Bytes head = BenchBoard::head();
  for (size_t size : {1u, 47u, 49u}) {
    Bytes blob = head;
    blob.resize(size);
    board.ask(BenchBoard::next_of(1, head, blob));
    board.expect_error(Status::kBadLength);
    board.poll();
    board.expect_error(Status::kNotReceived);  // nothing has begun
  }
  CHECK_EQUAL(static_cast<int>(board.session.state()), 0);
  CHECK_EQUAL(board.session.round(), 0);
  board.hello();
  board.ask(BenchBoard::next_of(1, head, Bytes(6, 0), RoundFlag::kStatistics));
  board.expect_error(Status::kNoConfig);  // which codec would it be?
  board.ask(BenchBoard::next_of(1, head, head, RoundFlag::kStatistics));
  CHECK_EQUAL(board.expect<Result>().num_examples, 0);
}

TEST(round_without_any_flag_only_brings_the_head) {
  BenchBoard board(250, 32);
  board.hello();
  const Bytes head = BenchBoard::head();
  board.ask(BenchBoard::next_of(1, head, head, 0));
  const Done done = board.expect<Done>();
  CHECK_EQUAL(static_cast<int>(done.status), 0);
  CHECK_EQUAL(done.crc, 0u);
  CHECK(board.tail.empty());
  CHECK_EQUAL(board.global_head(), head);
}

TEST(round_with_config_inside) {
  const Bytes head = BenchBoard::head();
  const Config plan = BenchBoard::plan(3, 2, 0.2f);
  Bytes deltas[2];
  for (int i = 0; i < 2; ++i) {
    BenchBoard board(250, 32);
    board.ready();
    if (i == 0) board.configure(3, 2, 0.2f);
    const Request next = BenchBoard::next_of(1, head);
    board.ask(i == 0 ? next : BenchBoard::with_config(next, plan));
    CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), 0);
    board.expect_silence();  // no CONFIGURED
    deltas[i] = board.tail;
  }
  CHECK_EQUAL(deltas[0], deltas[1]);

  BenchBoard board;
  board.hello();
  board.provision();
  const Request begin = BenchBoard::begin_of(1, head);
  board.ask(begin);
  board.expect_error(Status::kNoConfig);
  board.ask(BenchBoard::with_config(begin, plan));
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 1);
  board.ask(begin);  // the same key with and without it, and it holds for the session
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 1);
  board.push(head);
  board.wire.sent.pop_front();
  board.wire.sent.pop_front();
  CHECK_EQUAL(crc32(deltas[0].data(), deltas[0].size()), board.expect<Done>().crc);
}

TEST(round_with_a_config_inside_that_is_refused_keeps_the_old_plan) {
  const Bytes head = BenchBoard::head();
  Bytes deltas[2];
  for (int i = 0; i < 2; ++i) {
    BenchBoard board(250, 32);
    board.ready();
    const Request next = BenchBoard::next_of(1, head);
    if (i == 1) {
      for (const Request& request : {next, BenchBoard::begin_of(1, head)}) {
        board.ask(BenchBoard::with_config(request, BenchBoard::plan(0, 2)));
        board.expect_error(Status::kBadValue);
        const size_t fields = request.kind == next.kind ? Next::kSize : Begin::kSize;
        Request cut = BenchBoard::with_config(request, BenchBoard::plan());
        cut.body.resize(fields + Config::kSize - 1);
        board.ask(cut);
        board.expect_error(Status::kBadLength);
      }
      CHECK_EQUAL(board.session.round(), 0);
    }
    board.ask(next);
    CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), 0);
    deltas[i] = board.tail;
  }
  CHECK_EQUAL(deltas[0], deltas[1]);
}

TEST(round_same_bits_whatever_the_frames) {
  Bytes deltas[2];
  const uint8_t limits[] = {20, 250};
  for (int i = 0; i < 2; ++i) {
    BenchBoard board(limits[i], 2);
    board.ready();
    const Bytes head = BenchBoard::head();
    if (i == 0) {
      board.round(1, head);
      deltas[i] = board.pull();
    } else {
      board.ask(BenchBoard::next_of(1, head));
      board.expect<Done>();
      deltas[i] = board.tail;
    }
  }
  CHECK_EQUAL(deltas[0], deltas[1]);
}

TEST(round_evaluation_alone) {
  BenchBoard board;
  board.hello();
  board.provision();
  const Result result = board.measured_round(1, BenchBoard::head(), RoundFlag::kStatistics);
  CHECK_EQUAL(result.num_examples, 0);
  CHECK_EQUAL(result.crc, 0u);
  CHECK_EQUAL(float_bits(result.loss), 0u);
  board.expect_no_pull();
}

TEST(round_begin_is_judged) {
  BenchBoard board;
  board.hello();
  const Bytes head = BenchBoard::head();
  board.configure();
  board.ask(BenchBoard::begin_of(1, head));
  board.expect_error(Status::kNoSamples);
  board.provision();
  for (const Request& zero : {BenchBoard::begin_of(0, head), BenchBoard::next_of(0, head)}) {
    board.ask(zero);
    board.expect_error(Status::kBadValue);
  }
  board.ask(BenchBoard::begin_of(1, head, RoundFlag::kTrain, 200));
  board.expect_error(Status::kUnknownCodec);
  board.round(7, head);
  for (const Request& stale : {BenchBoard::begin_of(6, head), BenchBoard::next_of(6, head)}) {
    board.ask(stale);
    board.expect_error(Status::kStaleRound);
  }
  CHECK(board.session.holds_delta());
  board.release(0);  // a later round is void by its host's word
  CHECK_EQUAL(board.session.round(), 0);
  board.ask(BenchBoard::begin_of(6, head));
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 1);
}

TEST(round_a_bad_head_keeps_the_old_one) {
  BenchBoard board;
  board.ready();
  const Bytes good = BenchBoard::head();
  board.round(1, good);
  Bytes broken = BenchBoard::head(0.5f);
  const Bytes meant = broken;
  const Request begin = BenchBoard::begin_of(2, broken);
  broken[20] ^= 1;
  board.ask(begin);
  board.expect<Accept>();
  board.push(broken);
  CHECK_EQUAL(board.final_status(), static_cast<int>(Status::kBadCrc));
  CHECK_EQUAL(board.global_head(), good);
  board.poll();
  board.expect_error(Status::kBadCrc);

  float values[kParameters] = {};
  values[3] = float_from_bits(0x7FC00000u);
  const Bytes nan = BenchBoard::blob_of(values);
  board.ask(BenchBoard::begin_of(3, nan));
  board.expect<Accept>();
  board.push(nan);
  CHECK_EQUAL(board.final_status(), static_cast<int>(Status::kNotFinite));
  CHECK_EQUAL(board.global_head(), good);
  CHECK_EQUAL(static_cast<int>(board.session.state()), 0);

  BenchBoard wide(250, 32);
  wide.ready();
  wide.ask(BenchBoard::next_of(2, meant, broken));
  wide.expect_error(Status::kBadCrc);
  wide.ask(BenchBoard::next_of(2, nan));
  wide.expect_error(Status::kNotFinite);
  CHECK_EQUAL(wide.global_head(), Bytes(48, 0));
  wide.ask(BenchBoard::next_of(2, meant));
  CHECK_EQUAL(static_cast<int>(wide.expect<Done>().status), 0);
}

TEST(round_training_that_diverges_has_no_delta) {
  BenchBoard board;
  board.hello();
  board.configure(20, 1, 3e38f);
  board.provision();
  board.store();
  const Done done = board.round(1, BenchBoard::head());
  CHECK_EQUAL(static_cast<int>(done.status), static_cast<int>(Status::kNotFinite));
  CHECK_EQUAL(done.crc, 0u);
  board.expect_no_pull();
  board.configure();
  CHECK_EQUAL(static_cast<int>(board.round(2, BenchBoard::head()).status), 0);
}

TEST(round_begin_repeated_changes_nothing) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  const Request begin = BenchBoard::begin_of(1, head);
  board.ask(begin);
  CHECK_EQUAL(board.expect<Accept>().index, 0);
  board.give(board.data(0, false, Bytes(head.begin(), head.begin() + 18)));
  board.ask(begin);  // a new request, and so a new transfer
  CHECK_EQUAL(board.expect<Accept>().index, 1);
  board.push(head, 1);
  CHECK_EQUAL(board.take(), board.ack(2));
  CHECK_EQUAL(board.take(), board.final_ack());
  const Done done = board.expect<Done>();
  board.ask(begin);
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 3);
  CHECK_EQUAL(board.expect<Done>().crc, done.crc);
  board.hello();
  board.configure();
  board.ask(begin);
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 3);
  CHECK_EQUAL(board.expect<Done>().crc, done.crc);
  const Bytes delta = board.pull();
  CHECK_EQUAL(crc32(delta.data(), delta.size()), done.crc);
}

TEST(round_begin_repeated_while_training) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  const Request begin = BenchBoard::begin_of(1, head);
  board.ask(begin);
  board.push(Bytes(head.begin(), head.begin() + 36));
  board.wire.sent.clear();
  board.give(board.data(2, true, Bytes(head.begin() + 36, head.end())));
  CHECK_EQUAL(static_cast<int>(board.session.state()), 2);
  board.session.poll();
  CHECK_EQUAL(board.take(), board.final_ack());
  board.give(board.control(begin.kind, ++board.sequence, begin.body));
  board.session.poll();
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 2);
  board.give(board.control(Kind::kPoll, board.sequence));
  board.session.poll();
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 2);
  board.work();
  CHECK(board.expect<Done>().crc != 0);
  board.expect_silence();
}

TEST(round_next_repeated_in_each_state) {
  BenchBoard board(250, 32);
  board.ready();
  const Bytes head = BenchBoard::head();
  const Request next = BenchBoard::next_of(1, head);
  const auto give = [&](const Request& request) {
    board.give(board.control(request.kind, ++board.sequence, request.body));
    board.session.poll();
  };
  give(next);
  CHECK_EQUAL(static_cast<int>(board.session.state()), 2);
  give(next);  // training goes on, and the answer is for the new request
  board.expect_silence();
  give(BenchBoard::next_of(1, head, {}));  // its key is that of the head, however it is brought
  give(BenchBoard::with_config(next, BenchBoard::plan(200)));  // for the next round
  board.expect_silence();
  board.work();
  const Done done = board.expect<Done>();
  const Bytes delta = board.tail;
  board.expect_silence();
  board.ask_again(next);
  CHECK_EQUAL(board.expect<Done>().crc, done.crc);
  board.ask(next);
  CHECK_EQUAL(board.expect<Done>().crc, done.crc);
  CHECK_EQUAL(board.tail, delta);
  board.hello();
  board.ask(next);  // of another session: without CONFIG, which a round under way does not need
  CHECK_EQUAL(board.expect<Done>().crc, done.crc);
  CHECK_EQUAL(board.tail, delta);
  board.release(1);
  board.ask(next);
  board.expect_error(Status::kNoConfig);
  board.configure();
  board.ask(next);  // trained once more, by the same plan: the same bits
  CHECK_EQUAL(board.expect<Done>().crc, done.crc);
}

TEST(round_next_takes_the_place_of_a_begin_whose_chunks_are_due) {
  BenchBoard board(250, 32);
  board.ready();
  const Bytes head = BenchBoard::head();
  board.ask(BenchBoard::begin_of(1, head));
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 1);
  board.ask(BenchBoard::next_of(1, head));
  const Done done = board.expect<Done>();
  CHECK_EQUAL(crc32(board.tail.data(), board.tail.size()), done.crc);
}

TEST(round_a_newer_begin_replaces_the_one_under_way) {
  BenchBoard board;
  board.ready();
  const Bytes first = BenchBoard::head(), second = BenchBoard::head(1.0f);
  board.ask(BenchBoard::begin_of(1, first));
  board.expect<Accept>();
  board.give(board.data(0, false, Bytes(first.begin(), first.begin() + 18)));
  board.round(1, second);  // the same number, another head
  CHECK_EQUAL(board.global_head(), second);
  board.round(2, first);
  CHECK_EQUAL(board.global_head(), first);
}

TEST(round_announces_how_long_training_takes_once_it_knows) {
  BenchBoard board;
  board.ready();
  board.ask(BenchBoard::begin_of(1, BenchBoard::head()));
  CHECK_EQUAL(board.expect<Accept>().wait, 0);
  board.round(2, BenchBoard::head());
  board.now += 100000;
  board.ask(BenchBoard::begin_of(3, BenchBoard::head()));
  CHECK(board.expect<Accept>().wait > 0);
}

TEST(round_tells_the_time_of_what_was_trained_whatever_the_next_config_says) {
  uint16_t waits[2];
  for (int i = 0; i < 2; ++i) {
    BenchBoard board(250, 32);
    board.ready();
    const Bytes head = BenchBoard::head();
    const Request next = BenchBoard::next_of(1, head);
    board.give(board.control(next.kind, ++board.sequence, next.body));
    board.session.poll();
    const Bytes config = body_of(BenchBoard::plan(100));  // as long as the other: each takes its time
    board.give(board.control(i == 1 ? Config::kKind : Kind::kStore, ++board.sequence, config));
    board.work();
    board.wire.sent.clear();
    board.configure();
    board.ask(BenchBoard::begin_of(2, head));
    waits[i] = board.expect<Accept>().wait;
  }
  CHECK(waits[0] > 0);
  CHECK_EQUAL(waits[0], waits[1]);
}

TEST(round_poll_in_each_state) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  const auto poll = [&](uint8_t sequence) {
    board.give(board.control(Kind::kPoll, sequence));
    board.work();
  };
  board.ask(BenchBoard::begin_of(1, head));
  board.expect<Accept>();
  poll(board.sequence);
  CHECK_EQUAL(board.take(), board.ack(0));
  poll(static_cast<uint8_t>(board.sequence + 1));
  board.expect_error(Status::kNotReceived, board.sequence + 1);
  board.give(board.data(1, false, Bytes(head.begin() + 18, head.begin() + 36)));
  poll(board.sequence);
  CHECK_EQUAL(board.take(), board.data(0, false, {2}));
  board.push(head);
  board.wire.sent.pop_front();
  CHECK_EQUAL(board.take(), board.final_ack());
  const Done done = board.expect<Done>();
  poll(board.sequence);
  CHECK_EQUAL(board.expect<Done>().crc, done.crc);
  const uint8_t begin_sequence = board.sequence;
  board.release(1);
  poll(begin_sequence);
  board.expect_error(Status::kBusy, begin_sequence);
}

TEST(round_poll_of_a_next_that_was_lost) {
  BenchBoard board(250, 32);
  board.ready();
  const Bytes head = BenchBoard::head();
  const Request next = BenchBoard::next_of(1, head);
  ++board.sequence;
  board.poll();
  board.expect_error(Status::kNotReceived);
  board.give(board.control(next.kind, board.sequence, next.body));
  board.session.poll();
  board.give(board.control(Kind::kPoll, board.sequence));
  board.session.poll();
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 2);
  board.work();
  const Done done = board.expect<Done>();
  board.poll();
  CHECK_EQUAL(board.expect<Done>().crc, done.crc);
}

TEST(round_poll_is_about_the_request_of_now_and_not_of_256_ago) {
  BenchBoard board;
  board.hello();
  board.configure();
  board.provision();
  const uint8_t add_sequence = board.sequence;
  while (static_cast<uint8_t>(board.sequence + 1) != add_sequence) {
    board.ask(Kind::kInfo);
    board.take();
  }
  const Done done = board.round(1, BenchBoard::head());
  CHECK_EQUAL(board.sequence, add_sequence);
  board.poll();
  CHECK_EQUAL(board.expect<Done>().crc, done.crc);
}

TEST(round_get_is_judged_and_resumes) {
  BenchBoard board;
  board.ready();
  board.ask(Get{0, 2});
  board.expect_error(Status::kBusy);
  const Bytes head = BenchBoard::head();
  const Done done = board.round(1, head);
  for (const Get& bad : {Get{3, 2}, Get{0, 0}, Get{0, 33}, Get{65535, 1}}) {
    board.ask(bad);
    board.expect_error(Status::kBadValue);
  }
  const Bytes delta = board.pull(3);
  CHECK_EQUAL(crc32(delta.data(), delta.size()), done.crc);
  board.hello();
  board.expect_no_pull();  // this session has not asked for the round
  board.ask(BenchBoard::begin_of(1, head));
  board.expect<Accept>();
  board.expect<Done>();
  board.ask(Get{2, 2});
  CHECK_EQUAL(board.take(), board.data(2, true, Bytes(delta.begin() + 36, delta.end())));
  board.give(board.data(0, false, {0x02}));  // an ACK with a bitmap: chunk 1 is there, chunk 0 is not
  board.work();
  CHECK_EQUAL(board.take(), board.data(0, true, Bytes(delta.begin(), delta.begin() + 18)));
  board.expect_silence();
}

TEST(round_frames_of_other_transfers_are_ignored) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  board.ask(BenchBoard::begin_of(1, head));
  board.expect<Accept>();
  for (int i = 1; i < 4; ++i) {
    Bytes frame = board.data(0, true, Bytes(18, 9));
    frame[0] ^= static_cast<uint8_t>(i << 5);
    board.give(frame);
  }
  Wire other(20);
  board.give(other, board.data(0, true, Bytes(18, 9)));
  board.work();
  board.expect_silence();
  board.push(head);
  CHECK_EQUAL(board.wire.sent.size(), 3u);
  CHECK_EQUAL(board.global_head(), head);
}

TEST(round_hello_stops_what_was_being_sent) {
  BenchBoard board;
  board.ready();
  board.round(1, BenchBoard::head());
  board.give(board.control(Kind::kGet, ++board.sequence, body_of(Get{0, 2})));
  const Bytes old_ack = board.ack(1);
  board.hello();
  board.expect_silence();
  board.give(old_ack);  // nor is it taken up: the host may take smaller frames now
  board.work();
  board.expect_silence();
  CHECK_EQUAL(static_cast<int>(board.session.state()), 3);
}

TEST(round_under_every_codec) {
  for (uint8_t codec = 0; codec < 7; ++codec) {
    BenchBoard board(250, 32);
    board.hello();
    board.ask(Config{codec, codec, 1, 2, 0.1f, 9});
    CHECK_EQUAL(board.take(), board.control(Kind::kConfigured, board.sequence));
    board.provision();
    board.store();
    const Bytes head = BenchBoard::head();
    for (uint16_t round = 1; round <= 3; ++round) {
      const uint8_t flags = round == 3 ? RoundFlag::kTrain | RoundFlag::kUncounted : RoundFlag::kTrain;
      board.ask(BenchBoard::next_of(round, head, round == 1 ? head : Bytes{}, flags));
      const Done done = board.expect<Done>();
      CHECK_EQUAL(static_cast<int>(done.status), 0);
      CHECK_EQUAL(crc32(board.tail.data(), board.tail.size()), done.crc);
      CHECK(codec == 0 ? board.tail.size() == 48 : board.tail.size() < 48);
    }
    if (codec == 0) continue;
    const size_t size = board.tail.size();
    Bytes blob(size, 0x5A);  // a blob that does not make the head that it announces
    board.ask(BenchBoard::next_of(4, head, blob));
    board.expect_error(Status::kBadCrc);
    CHECK_EQUAL(board.global_head(), head);
    blob.push_back(0);
    board.ask(BenchBoard::next_of(4, head, blob));
    board.expect_error(Status::kBadLength);
    float values[kParameters], difference[32] = {};  // of one padded group
    std::fill(difference, difference + kParameters, 0.5f);
    blob.resize(size);
    encode(static_cast<Codec>(codec), kParameters, downlink_seed(4), difference, blob.data());
    decode(static_cast<Codec>(codec), kParameters, downlink_seed(4), blob.data(), difference);
    std::memcpy(values, head.data(), sizeof values);
    for (size_t i = 0; i < kParameters; ++i) values[i] = difference[i] + values[i];
    const Bytes next = BenchBoard::blob_of(values);
    board.ask(BenchBoard::next_of(4, next, blob));
    CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), 0);
    CHECK_EQUAL(board.global_head(), next);
  }
}
