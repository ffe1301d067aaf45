// BEGIN, training, RESULT, GET, the final ACK; POLL in every state.
#include "bench_board.h"
#include "bytefed/learning/exact_math.h"

using namespace bench;

namespace {

Bytes pull(BenchBoard& board, uint8_t window = 2) {
  board.ask(Get{0, window});
  Bytes blob;
  uint16_t next = 0;
  while (next < 3) {
    const Bytes frame = board.take();
    if (frame.size() < kHeaderSize) {
      check::fail(__FILE__, __LINE__, "the board stopped sending");
      return blob;
    }
    const DataHeader header = unpack_data_header(frame.data());
    CHECK_EQUAL(header.index, next);
    CHECK_EQUAL(header.transfer, board.sequence & 3);
    blob.insert(blob.end(), frame.begin() + kHeaderSize, frame.end());
    ++next;
    CHECK_EQUAL(header.poll, next % window == 0 || next == 3);
    if (header.poll && next < 3) {
      board.give(board.ack(next));
      board.work();
    }
  }
  return blob;
}

Bytes sum(const Bytes& head, const Bytes& delta) {
  float a[kParameters], b[kParameters];
  std::memcpy(a, head.data(), sizeof a);
  std::memcpy(b, delta.data(), sizeof b);
  for (size_t i = 0; i < kParameters; ++i) a[i] += b[i];
  return BenchBoard::blob_of(a);
}

}  // namespace

TEST(round_in_chunks) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  const Result result = board.round(1, head, Begin::kTrain | Begin::kEvaluate);
  CHECK_EQUAL(static_cast<int>(result.status), 0);
  CHECK_EQUAL(result.num_examples, 6);
  CHECK(result.correct <= 6 && result.test_correct <= 3 && result.loss > 0.0f);
  CHECK(result.duration > 0);
  CHECK(board.tail.empty());
  CHECK_EQUAL(board.global_head(), head);
  const Bytes delta = pull(board);
  CHECK_EQUAL(crc32(delta.data(), delta.size()), result.crc);
  CHECK(!(sum(head, delta) == head));
  CHECK_EQUAL(static_cast<int>(board.session.state()), 3);
  board.give(board.final_ack());
  board.work();
  board.expect_silence();
  CHECK_EQUAL(static_cast<int>(board.session.state()), 0);
  board.ask(Get{0, 2});
  board.expect_error(Status::kBusy);
}

TEST(round_inline) {
  BenchBoard board(250, 32);
  board.ready();
  const Bytes head = BenchBoard::head();
  board.ask(BenchBoard::begin_of(1, head), head);
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 2);
  const Result result = board.expect<Result>();
  CHECK_EQUAL(board.tail.size(), 48u);
  CHECK_EQUAL(crc32(board.tail.data(), board.tail.size()), result.crc);
  board.give(board.data(0, false, {1}));  // the final ACK of a delta inside RESULT
  CHECK_EQUAL(static_cast<int>(board.session.state()), 0);

  board.ask(BenchBoard::begin_of(2, head));
  board.expect_error(Status::kBadLength);
  board.ask(BenchBoard::begin_of(2, head), Bytes(head.begin(), head.end() - 1));
  board.expect_error(Status::kBadLength);
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
      deltas[i] = pull(board);
    } else {
      board.ask(BenchBoard::begin_of(1, head), head);
      board.expect<Accept>();
      board.expect<Result>();
      deltas[i] = board.tail;
    }
  }
  CHECK_EQUAL(deltas[0], deltas[1]);
}

TEST(round_evaluation_alone) {
  BenchBoard board;
  board.hello();
  board.provision();
  const Result result = board.round(1, BenchBoard::head(), Begin::kEvaluate);
  CHECK_EQUAL(result.num_examples, 0);
  CHECK_EQUAL(result.crc, 0u);
  CHECK_EQUAL(float_bits(result.loss), 0u);
  board.ask(Get{0, 2});
  board.expect_error(Status::kBusy);
}

TEST(round_begin_is_judged) {
  BenchBoard board;
  board.hello();
  const Bytes head = BenchBoard::head();
  board.configure();
  board.ask(BenchBoard::begin_of(1, head));
  board.expect_error(Status::kNoSamples);
  board.provision();
  board.ask(BenchBoard::begin_of(0, head));
  board.expect_error(Status::kBadValue);
  board.ask(BenchBoard::begin_of(1, head, 8));
  board.expect_error(Status::kBadValue);
  Begin begin = BenchBoard::begin_of(1, head);
  begin.codec = 200;
  board.ask(begin);
  board.expect_error(Status::kUnknownCodec);
  board.round(7, head);
  board.ask(BenchBoard::begin_of(6, head));
  board.expect_error(Status::kStaleRound);
  board.hello(2);  // another run starts anew
  CHECK_EQUAL(board.session.round(), 0);
  CHECK_EQUAL(static_cast<int>(board.session.state()), 0);
  CHECK_EQUAL(board.store().train, 6);
  board.configure();
  board.ask(BenchBoard::begin_of(6, head));
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 1);
}

TEST(round_a_bad_head_keeps_the_old_one) {
  BenchBoard board;
  board.ready();
  const Bytes good = BenchBoard::head();
  board.round(1, good);
  Bytes broken = BenchBoard::head(0.5f);
  const Begin begin = BenchBoard::begin_of(2, broken);
  broken[20] ^= 1;
  board.ask(begin);
  board.expect<Accept>();
  board.push(broken);
  CHECK_EQUAL(board.final_status(), static_cast<int>(Status::kBadCrc));
  CHECK_EQUAL(board.global_head(), good);
  board.give(board.control(Kind::kPoll, board.sequence));
  board.work();
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
  wide.ask(begin, broken);
  wide.expect_error(Status::kBadCrc);
  wide.give(wide.control(Kind::kBegin, wide.sequence, Bytes(3, 0)));
  wide.work();
  wide.expect_error(Status::kBadLength);
}

TEST(round_training_that_diverges_has_no_delta) {
  BenchBoard board;
  board.hello();
  board.configure(20, 1, 3e38f);
  board.provision();
  const Result result = board.round(1, BenchBoard::head());
  CHECK_EQUAL(static_cast<int>(result.status), static_cast<int>(Status::kNotFinite));
  CHECK_EQUAL(result.crc, 0u);
  board.ask(Get{0, 2});
  board.expect_error(Status::kBusy);
  board.configure();
  CHECK_EQUAL(static_cast<int>(board.round(2, BenchBoard::head()).status), 0);
}

TEST(round_begin_repeated_changes_nothing) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  const Begin begin = BenchBoard::begin_of(1, head);
  board.ask(begin);
  CHECK_EQUAL(board.expect<Accept>().index, 0);
  board.give(board.data(0, false, Bytes(head.begin(), head.begin() + 18)));
  board.ask(begin);  // a new request, and so a new transfer
  CHECK_EQUAL(board.expect<Accept>().index, 1);
  board.push(head, 1);
  CHECK_EQUAL(board.take(), board.ack(2));
  CHECK_EQUAL(board.take(), board.final_ack());
  const Result result = board.expect<Result>();
  board.ask(begin);
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 3);
  CHECK_EQUAL(board.expect<Result>().crc, result.crc);
  board.hello();
  board.configure();
  board.ask(begin);
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 3);
  CHECK_EQUAL(board.expect<Result>().crc, result.crc);
  const Bytes delta = pull(board);
  CHECK_EQUAL(crc32(delta.data(), delta.size()), result.crc);
}

TEST(round_begin_repeated_while_training) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  const Begin begin = BenchBoard::begin_of(1, head);
  board.ask(begin);
  board.push(Bytes(head.begin(), head.begin() + 36));
  board.wire.sent.clear();
  board.give(board.data(2, true, Bytes(head.begin() + 36, head.end())));
  CHECK_EQUAL(static_cast<int>(board.session.state()), 2);
  board.session.poll();
  CHECK_EQUAL(board.take(), board.final_ack());
  board.give(board.control(Kind::kBegin, ++board.sequence, body_of(begin)));
  board.session.poll();
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 2);
  board.give(board.control(Kind::kPoll, board.sequence));
  board.session.poll();
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 2);
  board.work();
  CHECK_EQUAL(board.expect<Result>().num_examples, 6);
  board.expect_silence();
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
    board.give(
        board.control(Begin::kKind, ++board.sequence, joined(body_of(BenchBoard::begin_of(1, head)), head)));
    board.session.poll();
    const Bytes config = body_of(Config{0, 100, 2, 0.1f, 9});  // as long as the other: each takes its time
    board.give(board.control(i == 1 ? Config::kKind : Kind::kStore, ++board.sequence, config));
    board.work();
    board.wire.sent.clear();
    board.configure();
    board.ask(BenchBoard::begin_of(2, head), head);
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
  board.expect_error(Status::kNoSession, board.sequence + 1);
  board.give(board.data(1, false, Bytes(head.begin() + 18, head.begin() + 36)));
  poll(board.sequence);
  CHECK_EQUAL(board.take(), board.data(0, false, {2}));
  board.push(head);
  board.wire.sent.pop_front();
  CHECK_EQUAL(board.take(), board.final_ack());
  const Result result = board.expect<Result>();
  poll(board.sequence);
  CHECK_EQUAL(board.expect<Result>().crc, result.crc);
  const uint8_t begin_sequence = board.sequence;
  board.give(board.data(0, false, {0}));
  poll(begin_sequence);
  board.expect_error(Status::kBusy);
}

TEST(round_poll_is_about_the_request_of_now_and_not_of_256_ago) {
  BenchBoard board;
  board.ready();
  const uint8_t add_sequence = board.sequence;
  while (static_cast<uint8_t>(board.sequence + 1) != add_sequence) {
    board.ask(Kind::kInfo);
    board.take();
  }
  board.round(1, BenchBoard::head());
  CHECK_EQUAL(board.sequence, add_sequence);
  board.give(board.control(Kind::kPoll, board.sequence));
  board.work();
  CHECK_EQUAL(board.expect<Result>().num_examples, 6);
}

TEST(round_get_is_judged_and_resumes) {
  BenchBoard board;
  board.ready();
  board.ask(Get{0, 2});
  board.expect_error(Status::kBusy);
  const Bytes head = BenchBoard::head();
  const Result result = board.round(1, head);
  for (const Get& bad : {Get{3, 2}, Get{0, 0}, Get{0, 33}, Get{65535, 1}}) {
    board.ask(bad);
    board.expect_error(Status::kBadValue);
  }
  const Bytes delta = pull(board, 3);
  CHECK_EQUAL(crc32(delta.data(), delta.size()), result.crc);
  board.hello();
  board.ask(Get{2, 2});
  CHECK_EQUAL(board.take(), board.data(2, true, Bytes(delta.begin() + 36, delta.end())));
  board.give(board.data(0, false, {0x02}));  // an ACK with a bitmap: chunk 1 is there, chunk 0 is not
  board.work();
  CHECK_EQUAL(board.take(), board.data(0, true, Bytes(delta.begin(), delta.begin() + 18)));
  board.expect_silence();
  board.give(board.final_ack(1));
  CHECK_EQUAL(static_cast<int>(board.session.state()), 0);
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

TEST(round_a_delta_that_was_forgotten_by_an_old_ack_is_still_there) {
  BenchBoard board;
  board.ready();
  const Bytes head = BenchBoard::head();
  const Begin begin = BenchBoard::begin_of(1, head);
  const Result result = board.round(1, head);
  board.give(board.data(0, false, {0}));
  CHECK_EQUAL(static_cast<int>(board.session.state()), 0);
  board.ask(begin);
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 3);
  CHECK_EQUAL(board.expect<Result>().crc, result.crc);
  const Bytes delta = pull(board);
  CHECK_EQUAL(crc32(delta.data(), delta.size()), result.crc);
}

TEST(round_under_every_codec) {
  for (uint8_t codec = 0; codec < 7; ++codec) {
    BenchBoard board(250, 32);
    board.hello();
    board.ask(Config{codec, 1, 2, 0.1f, 9});
    CHECK_EQUAL(board.take(), board.control(Kind::kConfigured, board.sequence));
    board.provision();
    const Bytes head = BenchBoard::head();
    for (uint16_t round = 1; round <= 3; ++round) {
      Begin begin = BenchBoard::begin_of(round, head);
      if (round == 3) begin.flags |= Begin::kUncounted;
      board.ask(begin, head);
      CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 2);
      const Result result = board.expect<Result>();
      CHECK_EQUAL(static_cast<int>(result.status), 0);
      CHECK_EQUAL(crc32(board.tail.data(), board.tail.size()), result.crc);
      CHECK(codec == 0 ? board.tail.size() == 48 : board.tail.size() < 48);
      board.give(board.data(0, false, {0}));
    }
    if (codec == 0) continue;
    Begin down = BenchBoard::begin_of(4, head);  // a blob that does not make the head it announces
    down.codec = codec;
    board.ask(down, Bytes(240, 0x5A));
    board.expect_error(Status::kBadCrc);
    CHECK_EQUAL(board.global_head(), head);
  }
}
