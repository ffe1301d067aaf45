// Requests, their errors, and the links that they come on.
#include "bench_board.h"

using namespace bench;

TEST(session_says_nothing_before_hello) {
  BenchBoard board;
  board.work();
  board.expect_silence();
  for (int kind = 0; kind < 0x80; ++kind) {
    if (kind == static_cast<int>(Kind::kHello)) continue;
    board.ask(static_cast<Kind>(kind), Bytes(18, 1));
    board.expect_error(kind == static_cast<int>(Kind::kGreet) ? Status::kUnpaired : Status::kNoSession);
  }
  board.give(board.data(0, true, {1, 2, 3}));
  board.work();
  board.expect_silence();
}

TEST(session_hello_is_welcomed) {
  BenchBoard board(60, 3);
  board.ask(Hello{0, 9, 0x01020304, 0xBABE, 43});
  const Welcome welcome = board.expect<Welcome>();
  CHECK_EQUAL(welcome.version, kProtocolVersion);
  CHECK_EQUAL(static_cast<int>(welcome.state), 0);
  CHECK_EQUAL(welcome.boot, 77);
  CHECK_EQUAL(welcome.round, 0);
  CHECK_EQUAL(welcome.nonce, 0xBABE);
  CHECK_EQUAL(welcome.frame_limit, 43);
  CHECK_EQUAL(welcome.window, 3);
  CHECK(board.tail.empty());
  CHECK_EQUAL(board.hello(1, 250).frame_limit, 60);
}

TEST(session_welcome_has_board_and_stored_inside_exactly_where_they_fit) {
  BenchBoard board(60);
  board.ready();
  board.hello(1, 43);
  CHECK(board.tail.empty());
  board.ask(Kind::kInfo);
  const Bytes info = body_of(board.expect<Board>());
  board.ask(Kind::kStore);
  const Bytes stored = body_of(board.expect<Stored>());
  for (uint8_t limit : {44, 60, 250}) {
    board.hello(1, limit);
    CHECK_EQUAL(board.tail, joined(info, stored));
  }
}

TEST(session_hello_that_is_refused_changes_nothing) {
  BenchBoard board;
  board.ask(Kind::kHello, Bytes(Hello::kSize - 1, 2));
  board.expect_error(Status::kBadLength);
  board.ask(Hello{3, 9, 1, 1, 250});
  board.expect_error(Status::kBadVersion);
  board.ask(Hello{0, 1, 1, 1, 250});
  board.expect_error(Status::kBadVersion);
  board.ask(Kind::kHello, {1, 1});  // the versions alone are enough to tell that there is none in common
  board.expect_error(Status::kBadVersion);
  board.ask(Kind::kHello, {1});
  board.expect_error(Status::kBadLength);
  board.ask(Hello{2, 2, 1, 1, 19});
  board.expect_error(Status::kBadValue);
  board.ask(Kind::kInfo);
  board.expect_error(Status::kNoSession);

  board.ready();
  board.round(5, BenchBoard::head());
  Wire other(20);
  board.ask_on(other, Kind::kHello, body_of(Hello{7, 9, 2, 1, 250}));
  CHECK_EQUAL(board.take(other), board.control(Kind::kError, board.sequence, {17 + 1}));
  board.ask(Kind::kInfo);
  CHECK_EQUAL(board.expect<Board>().uid, kUid);
  CHECK_EQUAL(board.session.round(), 5);
}

TEST(session_info) {
  BenchBoard board;
  board.hello();
  board.ask(Kind::kInfo, Bytes(9, 3));  // a longer body than today's is none of our business
  const Board info = board.expect<Board>();
  CHECK_EQUAL(info.uid, kUid);
  CHECK_EQUAL(info.capabilities, 3);
  CHECK_EQUAL(info.features, kFeatures);
  CHECK_EQUAL(info.classes, kClasses);
  CHECK_EQUAL(info.model, 0xABCDu);
}

TEST(session_config_judges_each_field) {
  BenchBoard board;
  board.hello();
  board.ask(Kind::kConfig, Bytes(10, 1));
  board.expect_error(Status::kBadLength);
  for (const Config& bad : {Config{99, 0, 1, 1, 0.1f, 0}, Config{0, 99, 1, 1, 0.1f, 0},
                            Config{kPersonal, 0, 1, 1, 0.1f, 0}, Config{0, 99 | kPersonal, 1, 1, 0.1f, 0}}) {
    board.ask(bad);
    board.expect_error(Status::kUnknownCodec);
  }
  const float infinity = 1e30f * 1e30f;
  for (const Config& bad :
       {BenchBoard::plan(0, 1), BenchBoard::plan(1, 0), BenchBoard::plan(1, 5), BenchBoard::plan(1, 1, -0.1f),
        BenchBoard::plan(1, 1, infinity), BenchBoard::plan(1, 1, infinity - infinity)}) {
    board.ask(bad);
    board.expect_error(Status::kBadValue);
  }
  board.provision();
  board.ask(BenchBoard::begin_of(1, BenchBoard::head()));
  board.expect_error(Status::kNoConfig);
  board.configure(255, 4, 0.0f);
  board.hello();  // CONFIG holds for the session
  board.ask(BenchBoard::begin_of(1, BenchBoard::head()));
  board.expect_error(Status::kNoConfig);
}

TEST(session_store) {
  BenchBoard board;
  board.hello();
  const Stored empty = board.store();
  CHECK_EQUAL(empty.capacity, kCapacity);
  CHECK_EQUAL(empty.train, 0);
  CHECK_EQUAL(empty.test, 0);
  CHECK_EQUAL(empty.max_batch, 4);
  const Bytes zeros(48, 0);
  CHECK_EQUAL(empty.head, crc32(zeros.data(), zeros.size()));
  board.provision();
  const Stored full = board.store();
  CHECK_EQUAL(full.train, 6);
  CHECK_EQUAL(full.test, 3);
  Bytes all = joined(BenchBoard::records(6), BenchBoard::records(3));
  const float scale = 0.02f;
  const uint8_t* meaning = reinterpret_cast<const uint8_t*>(&scale);
  all.insert(all.end(), meaning, meaning + sizeof scale);
  all.push_back(static_cast<uint8_t>(-3));
  CHECK_EQUAL(full.crc, crc32(all.data(), all.size()));
}

TEST(session_unknown_kinds) {
  BenchBoard board;
  board.hello();
  for (int kind = 0; kind < 0x80; ++kind) {
    const bool round = (kind & 0xF0) == 0x10 || (kind & 0xF0) == 0x20;
    const bool learns = kind >= 0x30 && kind <= 0x34, masks = kind == 0x3A || kind == 0x3B;
    if (masks || (kind >= 1 && kind <= 0x0B && kind != 4) || kind == 0x0E || kind == 0x0F || round || learns)
      continue;
    board.ask(static_cast<Kind>(kind), Bytes(18, 1));
    board.expect_error(kind == static_cast<int>(Kind::kGreet) ? Status::kUnpaired : Status::kUnknownKind);
  }
}

TEST(session_ignores_frames_without_a_header_or_too_long) {
  BenchBoard board;
  board.hello();
  board.session.receive(&board.wire.link, nullptr, 0);
  board.give(Bytes(1, 2));
  board.give(Bytes(251, 2));
  board.work();
  board.expect_silence();
}

TEST(session_short_bodies) {
  BenchBoard board;
  board.hello();
  const struct {
    Kind kind;
    size_t size;
  } requests[] = {{Kind::kConfig, Config::kSize},  {Kind::kNext, Next::kSize},
                  {Kind::kBegin, Begin::kSize},    {Kind::kGet, Get::kSize},
                  {Kind::kAdd, Add::kSize},        {Kind::kCapture, Capture::kSize},
                  {Kind::kRelease, Release::kSize}};
  for (const auto& request : requests) {
    for (size_t length = 0; length < request.size; ++length) {
      board.ask(request.kind, Bytes(length, 1));
      board.expect_error(Status::kBadLength);
    }
  }
}

TEST(session_belongs_to_the_link_of_the_last_hello) {
  BenchBoard board;
  board.hello();
  Wire other(30, 4);
  board.ask_on(other, Kind::kInfo);
  CHECK_EQUAL(board.take(other), board.control(Kind::kError, board.sequence, {17}));
  other.refusals = 1;
  board.ask_on(other, Kind::kInfo);
  CHECK(other.sent.empty());

  board.now += kHold;
  board.ask_on(other, Kind::kHello, body_of(Hello{2, 2, 1, 5, 250}));
  const Bytes welcome = board.take(other);
  CHECK_EQUAL(welcome.size(), kHeaderSize + Welcome::kSize);
  CHECK_EQUAL(welcome[10], 30);
  CHECK_EQUAL(welcome[11], 4);
  board.ask(Kind::kInfo);
  board.expect_error(Status::kNoSession);
}

// An attack: one HELLO took the session from any other link, and a visit too.
TEST(session_is_held_while_its_link_is_heard) {
  BenchBoard board;
  Wire other(30, 4);
  const auto greeted = [&](uint32_t run) {
    board.ask_on(other, Kind::kHello, body_of(Hello{2, 2, run, 5, 250}));
    const Bytes answer = board.take(other);
    const bool is_busy = answer == board.control(Kind::kError, board.sequence, {16});
    CHECK(is_busy || answer.size() == kHeaderSize + Welcome::kSize);
    return !is_busy;
  };
  CHECK(greeted(kVisit));
  board.session.closed(&other.link);
  board.hello();
  for (int i = 0; i < 5; ++i) {
    board.now += kHold - 200;
    CHECK(!greeted(1) && !greeted(2) && !greeted(kVisit));
    board.ask(Kind::kInfo);  // heard: held for as long again
    board.expect<Board>();
  }
  board.now += kHold - 200;
  board.give(board.data(0, false, Bytes(3)));  // a chunk that nobody waits for is heard, too
  board.now += kHold - 200;
  CHECK(!greeted(1));
  board.now += 200;
  CHECK(!greeted(kVisit));
  CHECK(greeted(1));
  board.ask(Kind::kInfo);
  board.expect_error(Status::kNoSession);
  board.session.closed(&board.wire.link);  // a connection without the session ends
  board.ask_on(other, Kind::kInfo);
  CHECK_EQUAL(board.take(other).size(), kHeaderSize + Board::kSize);
}

// A host that waits for the board's work says nothing meanwhile.
TEST(session_is_held_while_the_board_works_for_it_and_a_while_after) {
  BenchBoard board(250);
  board.ready();
  Wire other(250, 2);
  const Bytes hello = board.control(Kind::kHello, 9, body_of(Hello{2, 2, 2, 5, 250}));
  const Bytes busy = board.control(Kind::kError, 9, {16});
  const Request next = BenchBoard::next_of(1, BenchBoard::head());
  board.give(board.control(next.kind, ++board.sequence, next.body));
  board.session.poll();
  CHECK_EQUAL(static_cast<int>(board.session.state()), static_cast<int>(State::kTraining));
  board.now += 10 * kHold;
  board.give(other, hello);
  CHECK_EQUAL(board.take(other), busy);
  board.work();
  board.give(other, hello);
  CHECK_EQUAL(board.take(other), busy);
  board.now += kHold;
  board.give(other, hello);
  board.work();
  CHECK_EQUAL(board.take(other).size(), kHeaderSize + Welcome::kSize + Board::kSize + Stored::kSize);
}

// An attack: a session lived on when its connection had ended, and whoever connected next had it.
TEST(session_ends_with_its_connection) {
  BenchBoard board;
  board.ready();
  const Bytes blob = BenchBoard::head();
  board.ask(BenchBoard::begin_of(1, blob));
  board.expect<Accept>();
  board.push(Bytes(blob.begin(), blob.begin() + 18));
  board.wire.sent.clear();
  board.give(board.control(Kind::kInfo, 5));  // its answer is due when the connection ends
  board.session.closed(&board.wire.link);
  CHECK(board.session.link() == nullptr);
  board.work();
  board.expect_silence();
  board.push(blob);
  board.expect_silence();
  for (const Kind kind : {Kind::kInfo, Kind::kStore, Kind::kGet, Kind::kPoll, Kind::kCapture}) {
    board.ask(kind, Bytes(6));
    board.expect_error(Status::kNoSession);
  }
  CHECK_EQUAL(static_cast<int>(board.hello(1, 20).state), static_cast<int>(State::kReceiving));
  board.configure();
  board.ask(BenchBoard::begin_of(1, blob));
  CHECK_EQUAL(board.expect<Accept>().index, 1);  // what has arrived is kept
}

TEST(session_work_goes_on_without_a_connection) {
  BenchBoard board(250);
  board.ready();
  const Request next = BenchBoard::next_of(1, BenchBoard::head());
  board.give(board.control(next.kind, ++board.sequence, next.body));
  board.session.closed(&board.wire.link);
  board.work();  // and then it rests
  board.expect_silence();
  CHECK_EQUAL(static_cast<int>(board.hello().state), static_cast<int>(State::kReady));
}

TEST(session_resumes_a_push_on_another_link_only_with_the_same_chunks_and_windows) {
  const struct {
    uint8_t limit, window;
    int resumes;
  } links[] = {{20, 2, 1}, {20, 3, 0}, {24, 2, 0}};
  for (const auto& way : links) {
    BenchBoard board;
    board.ready();
    const Bytes blob = BenchBoard::head();
    board.ask(BenchBoard::begin_of(1, blob));
    board.give(board.data(0, false, Bytes(blob.begin(), blob.begin() + 18)));
    Wire other(way.limit, way.window);
    board.session.closed(&board.wire.link);
    board.ask_on(other, Kind::kHello, body_of(Hello{2, 2, 1, 5, 250}));
    board.take(other);
    board.ask_on(other, Kind::kConfig, body_of(BenchBoard::plan()));
    board.take(other);
    const Request begin = BenchBoard::begin_of(1, blob);
    board.ask_on(other, begin.kind, begin.body);
    const Bytes accept = board.take(other);
    CHECK_EQUAL(accept.size(), 7u);
    if (accept.size() == 7) CHECK_EQUAL(accept[3], way.resumes);
  }
}

TEST(session_a_refused_send_loses_nothing) {
  // However often the link refuses, at whatever frame, the same frames come in the same order.
  std::deque<Bytes> reference;
  for (int refused_at = -1; refused_at < 11; ++refused_at) {
    BenchBoard board;
    std::deque<Bytes> all;
    int frames = 0;
    const auto work = [&] {
      for (int slice = 0; slice < 1000; ++slice) {
        if (frames == refused_at) {
          board.wire.refusals = 3;
          frames = -1000;
        }
        const bool busy = board.session.poll();
        while (!board.wire.sent.empty()) {
          all.push_back(board.take());
          ++frames;
        }
        if (!busy) return;
      }
      check::fail(__FILE__, __LINE__, "stuck");
    };
    const auto ask = [&](Kind kind, const Bytes& body) {
      board.give(board.control(kind, ++board.sequence, body));
      work();
    };
    const auto push = [&](const Bytes& blob) {
      for (uint16_t i = 0; i * 18u < blob.size(); ++i) {
        const size_t end = std::min<size_t>(blob.size(), (i + 1) * 18u);
        board.give(board.data(i, i % 2 == 1 || end == blob.size(),
                              Bytes(blob.begin() + i * 18, blob.begin() + static_cast<long>(end))));
        work();
      }
    };
    const Bytes samples = BenchBoard::records(6), head = BenchBoard::head();
    const Request begin = BenchBoard::begin_of(1, head);
    ask(Kind::kHello, body_of(Hello{2, 2, 1, 5, 250}));
    ask(Kind::kConfig, body_of(BenchBoard::plan()));
    ask(Kind::kAdd, body_of(BenchBoard::add_of(samples, 0, 6, Add::kAnew)));
    push(samples);
    ask(begin.kind, begin.body);
    push(head);
    ask(Kind::kGet, body_of(Get{0, 2}));
    board.give(board.ack(2));
    work();
    if (refused_at < 0) {
      reference = all;
      CHECK_EQUAL(all.size(), 11u);
    }
    CHECK(all == reference);
  }
}
