// A board on a sealed link, and a host that knows its key, or doesn't: what each of them can make it do.
#include "bytefed/session/serial_link.h"
#include "sealed_bench.h"

using namespace sealed_bench;

namespace {

void expect_clear_error(LockedBoard& board, Status status) {
  const Bytes said = board.take();
  CHECK(said.size() >= 3);
  if (said.size() < 3) return;
  CHECK_EQUAL(said[0], static_cast<uint8_t>(Kind::kError));
  CHECK_EQUAL(said[2], static_cast<uint8_t>(status));
  CHECK_EQUAL(said.size(), status == Status::kLocked ? 11u : 3u);
}

void expect_silence(LockedBoard& board) {
  CHECK_EQUAL(board.sent.size(), 0u);
}

const Bytes kConfig = body_of(Config{0, 0, 1, 1, 0.1f, 1, 0});
constexpr uint8_t kNextAll = static_cast<uint8_t>(Kind::kNext) | RoundFlag::kTrain | RoundFlag::kConfigure;
constexpr uint8_t kBeginAll = static_cast<uint8_t>(Kind::kBegin) | RoundFlag::kTrain | RoundFlag::kConfigure;

Bytes records() {
  Bytes bytes;
  for (uint8_t i = 0; i < 4; ++i) {
    for (const uint8_t byte : {static_cast<uint8_t>(i % 2), i, uint8_t{2}, uint8_t{30}, i, uint8_t{5}})
      bytes.push_back(byte);
  }
  return bytes;
}

Bytes some_head() {
  Bytes head(4 * kParameters);
  const float value = 0.25f;
  for (size_t i = 0; i < head.size(); i += 4) std::memcpy(head.data() + i, &value, 4);
  return head;
}

// Gives the board four samples.
void provision(Host& host, LockedBoard& board) {
  const Bytes blob = records();
  const Add add = {0, 4, 4, crc32(blob.data(), blob.size()), 0.5f, -2};
  const Bytes added = host.ask(Kind::kAdd, joined(body_of(add), host.seal_of(blob)));
  CHECK_EQUAL(added, control(Kind::kAdded, host.sequence, {1, 0, 0}));
  board.give(host.chunk(0, true, blob, 0));
  const Bytes over = host.open(board.take());
  CHECK_EQUAL(over.size(), 3u);
  CHECK_EQUAL(over.back(), 0);
  CHECK_EQUAL(board.session.store().count(Split::kTrain), 4);
  host.ask(Kind::kStore);
}

}  // namespace

TEST(sealed_link_opens_a_session_in_two_messages) {
  LockedBoard board;
  Host host(board);
  const Bytes greet = host.greet(5);
  CHECK_EQUAL(greet.size(), 57u);
  board.give(greet);
  const Bytes answer = board.take();
  CHECK_EQUAL(answer.size(), kHeaderSize + 48 + Welcomed::kSize + Board::kSize + Stored::kSize);
  CHECK(host.welcomed(answer));
  CHECK_EQUAL(host.welcome.boot, 77);
  CHECK_EQUAL(host.welcome.frame_limit, 244);
  CHECK(board.session.link() == nullptr);  // tentative
  CHECK(board.seal.has_greeted());
  const Bytes told = host.ask(Kind::kInfo);
  CHECK_EQUAL(told, joined(control(Kind::kBoard, host.sequence), body_of(board.session.board())));
  CHECK(board.seal.has_session());
  CHECK(!board.seal.has_greeted());
}

TEST(sealed_link_of_the_smallest_frames) {
  LockedBoard board(62);
  Host host(board);
  board.give(host.greet(1, 62));
  const Bytes answer = board.take();
  CHECK_EQUAL(answer.size(), 58u);
  CHECK(host.welcomed(answer));
  CHECK_EQUAL(host.ask(Kind::kStore).size(), kHeaderSize + Stored::kSize);
  LockedBoard small(61);
  Host other(small);
  small.give(other.greet(1, 61));
  expect_clear_error(small, Status::kBadValue);
}

TEST(sealed_link_carries_a_round_inside_its_messages) {
  LockedBoard board;
  Host host(board);
  CHECK(host.connect());
  provision(host, board);
  const Bytes head = some_head();
  const Next next = {1, crc32(head.data(), head.size())};
  const Bytes done = host.ask(kNextAll, joined(joined(body_of(next), kConfig), head));
  CHECK_EQUAL(done.size(), kHeaderSize + 1 + head.size());  // a status, and the delta: no CRC
  CHECK_EQUAL(done[0], static_cast<uint8_t>(Kind::kDone));
  CHECK_EQUAL(done[2], 0);
}

TEST(sealed_link_carries_a_round_in_chunks) {
  LockedBoard wide, narrow(62);
  Bytes inside, fetched;
  for (LockedBoard* board : {&wide, &narrow}) {
    Host host(*board);
    CHECK(host.connect(1, board->wire.frame_limit));
    provision(host, *board);
    const Bytes head = some_head();
    const uint32_t crc = crc32(head.data(), head.size());
    if (board == &wide) {
      const Bytes done = host.ask(kNextAll, joined(joined(body_of(Next{1, crc}), kConfig), head));
      inside.assign(done.begin() + 3, done.end());
      continue;
    }
    const Bytes body = joined(joined(body_of(Begin{1, crc, 0}), host.seal_of(head)), kConfig);
    CHECK_EQUAL(host.ask(kBeginAll, body)[0], static_cast<uint8_t>(Kind::kAccept));
    const uint8_t began = host.sequence;
    host.push(head);
    const Bytes over = host.open(board->take());  // the final ACK is sealed
    CHECK_EQUAL(over.size(), 3u);
    const Bytes done = host.open(board->take());
    CHECK_EQUAL(done.size(), kHeaderSize + 1 + kBlobSealSize);
    CHECK_EQUAL(done[1], began);
    const BlobSeal seal = unpack_seal(done.data() + 3);
    CHECK_EQUAL(seal.number, 1);
    host.sequence = began;
    board->give(host.seal(control(Kind::kGet, began, body_of(Get{0, 4}))));
    fetched = host.show(seal, 0, board->take());
    fetched = joined(fetched, host.show(seal, fetched.size(), board->take()));
    CHECK(host.is_blob(seal, fetched));
    // Polled, DONE is the same: the delta keeps its number.
    board->give(host.seal(control(Kind::kPoll, began)));
    CHECK_EQUAL(host.open(board->take()), done);
  }
  CHECK_EQUAL(fetched, inside);
}

TEST(sealed_link_out_of_blob_numbers_wants_a_new_session) {
  LockedBoard board;
  Host host(board);
  CHECK(host.connect());
  provision(host, board);
  const Bytes head = some_head();
  const Bytes round = joined(joined(body_of(Next{1, crc32(head.data(), head.size())}), kConfig), head);
  const uint8_t blob = 0;
  for (int i = 0; i < 0xFFFE; ++i) board.seal.number_blob(&blob, 1);
  CHECK_EQUAL(host.ask(kNextAll, round)[0], static_cast<uint8_t>(Kind::kDone));
  board.seal.number_blob(&blob, 1);
  for (const uint8_t kind : {kNextAll, kBeginAll}) {
    const Bytes refused = host.ask(kind, round);
    CHECK_EQUAL(refused, control(Kind::kError, host.sequence, body_of(Error{Status::kNoSession})));
  }
  CHECK_EQUAL(host.ask(Kind::kStore)[0], static_cast<uint8_t>(Kind::kStored));
  CHECK(host.connect());
  CHECK_EQUAL(host.ask(kNextAll, round)[0], static_cast<uint8_t>(Kind::kDone));
}

TEST(sealed_link_refuses_a_blob_that_was_changed_on_its_way) {
  LockedBoard board(62);
  Host host(board);
  CHECK(host.connect(1, 62));
  provision(host, board);
  const Bytes head = some_head();
  const Begin begin = {1, crc32(head.data(), head.size()), 0};
  host.ask(kBeginAll, joined(joined(body_of(begin), host.seal_of(head)), kConfig));
  // The stranger changes a chunk; or somebody who has the key gives a tag of another blob.
  Bytes changed = host.chunk(0, false, Bytes(head.begin(), head.begin() + 60), 0);
  changed[20] ^= 1;
  board.give(changed);
  board.give(host.chunk(1, true, Bytes(head.begin() + 60, head.end()), 60));
  const Bytes over = host.open(board.take());
  CHECK_EQUAL(over.size(), 3u);
  CHECK_EQUAL(over.back(), static_cast<uint8_t>(Status::kBadCrc));
  Bytes seal = host.seal_of(head);
  seal[5] ^= 1;
  host.ask(kBeginAll, joined(joined(body_of(begin), seal), kConfig));
  host.push(head);
  CHECK_EQUAL(host.open(board.take()).back(), static_cast<uint8_t>(Status::kBadCrc));
}

TEST(sealed_link_tells_strangers_nothing) {
  LockedBoard board;
  board.give(control(Kind::kHello, 1, body_of(Hello{2, 2, 9, 1, 244})));
  Bytes said = board.take();
  CHECK_EQUAL(said.size(), 11u);
  CHECK_EQUAL(Bytes(said.begin() + 3, said.end()), (Bytes{0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01}));
  board.give(control(Kind::kInfo, 2));
  expect_clear_error(board, Status::kNoSession);
  Host wrong(board, 43);
  board.give(wrong.greet());
  expect_clear_error(board, Status::kLocked);
  board.give({0x66, 1, 2, 3});  // noise
  expect_silence(board);

  Host host(board);
  CHECK(host.connect());
  provision(host, board);
  for (const Kind kind : {Kind::kInfo, Kind::kStore, Kind::kGet, Kind::kAdd, Kind::kPoll, Kind::kSave}) {
    board.give(control(kind, 3, Bytes(20, 1)));
    board.give(control(kind, 3, Bytes(20, 1)));
    expect_silence(board);
  }
  CHECK_EQUAL(board.session.store().count(Split::kTrain), 4);
}

TEST(sealed_link_keeps_its_session_when_a_greet_is_sent_again) {
  LockedBoard board;
  Host old(board);
  const Bytes greet = old.greet();
  board.give(greet);
  CHECK(old.welcomed(board.take()));
  provision(old, board);
  const Bytes asked = old.seal(control(Kind::kInfo, 200));
  board.now += 1000;
  board.give(greet);  // by somebody who heard it
  CHECK_EQUAL(board.take()[0], static_cast<uint8_t>(Kind::kWelcomed));
  board.give(asked);
  CHECK_EQUAL(old.open(board.take())[0], static_cast<uint8_t>(Kind::kBoard));  // as if nothing had been
  board.give(asked);
  expect_silence(board);

  Host next(board);
  board.now += 1000;
  CHECK(next.connect(2));
  CHECK_EQUAL(old.ask(Kind::kStore).size(), kHeaderSize + Stored::kSize);
  CHECK_EQUAL(next.ask(Kind::kStore).size(), kHeaderSize + Stored::kSize);  // from now on it is the session
  board.give(old.seal(control(Kind::kInfo, 201)));
  expect_silence(board);
}

TEST(sealed_link_answers_two_greets_in_a_second) {
  LockedBoard board;
  int answers = 0;
  for (int i = 0; i < 40; ++i, board.now += 50) {
    board.give(Host(board).greet());
    answers += static_cast<int>(board.sent.size());
    board.sent.clear();
  }
  CHECK_EQUAL(answers, 4);
}

TEST(sealed_link_draws_a_new_secret_for_each_answer) {
  LockedBoard board;
  const Bytes greet = Host(board).greet();
  board.give(greet);
  const Bytes first = board.take();
  board.give(greet);
  const Bytes second = board.take();
  CHECK_EQUAL(first.size(), second.size());
  CHECK(!std::equal(first.begin() + kHeaderSize, first.begin() + kHeaderSize + kKeySize,
                    second.begin() + kHeaderSize));
}

TEST(sealed_link_opens_nothing_without_entropy) {
  LockedBoard board;
  board.has_entropy = false;
  Host host(board);
  board.give(host.greet());
  expect_silence(board);
  board.has_entropy = true;
  CHECK(host.connect());
}

TEST(sealed_link_speaks_to_its_own_version_alone) {
  LockedBoard board;
  board.give(Host(board).greet(1, 244, kProtocolVersion + 1));
  expect_clear_error(board, Status::kBadVersion);
}

TEST(sealed_link_that_is_closed_forgets) {
  LockedBoard board;
  Host host(board);
  CHECK(host.connect());
  CHECK_EQUAL(host.ask(Kind::kInfo).size(), kHeaderSize + Board::kSize);
  board.seal.close();
  board.give(host.seal(control(Kind::kInfo, 9)));
  expect_clear_error(board, Status::kNoSession);
}

TEST(sealed_link_answers_every_request_of_a_session_that_is_no_more) {
  for (const uint8_t kind : {0x02, 0x03, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0E, 0x0F,
                             0x12, 0x23, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x3A, 0x3B}) {
    LockedBoard board;
    Host host(board);
    CHECK(host.connect());
    board.seal.close();
    const Bytes sealed = host.seal(control(static_cast<Kind>(kind), 9));
    board.seal.receive(sealed.data(), sealed.size(), 0);  // its end is no CRC-16
    expect_clear_error(board, Status::kNoSession);
  }
}

TEST(sealed_link_tells_a_session_nothing_of_the_one_before) {
  const float zeros[kParameters] = {};
  const Bytes next = body_of(Next{1, crc32(zeros, sizeof zeros)});
  const Bytes blob = records();
  const Add add = {0, 4, 4, crc32(blob.data(), blob.size()), 0.5f, -2};
  for (const bool closes : {false, true}) {
    LockedBoard board;
    Host before(board), host(board);
    CHECK(before.connect());
    const auto give = [&](const Bytes& frame) {
      board.seal.receive(frame.data(), frame.size(), frame.size());
    };
    before.ask(Kind::kAdd, joined(body_of(add), before.seal_of(blob)));
    if (closes) {
      give(before.chunk(0, true, blob, 0));  // stored once nobody is there
      board.seal.close();
      while (board.session.poll()) {
      }
      CHECK_EQUAL(board.session.store().count(Split::kTrain), 4);
    } else {
      give(before.seal(control(Kind::kInfo, 7)));  // the wire is full
    }
    give(host.greet());
    CHECK(host.welcomed(board.take()));
    board.give(host.seal(control(Kind::kNext, 9, next)));
    const Bytes first = host.open(board.take());
    CHECK_EQUAL(first, control(Kind::kDone, 9, {0}));
  }
}

TEST(sealed_link_whose_wire_is_full_loses_nothing) {
  LockedBoard board;
  Host host(board);
  CHECK(host.connect());
  for (int i = 0; i < 200; ++i) {
    board.refusals = i == 100 ? 500 : i % 7;  // more than a counter's low byte tells apart
    CHECK_EQUAL(host.ask(Kind::kInfo).size(), kHeaderSize + Board::kSize);
  }
}

TEST(open_link_says_that_it_has_no_key) {
  std::deque<Bytes> sent;
  const auto keep = [](void* context, const uint8_t* frame, size_t length) {
    static_cast<std::deque<Bytes>*>(context)->emplace_back(frame, frame + length);
    return true;
  };
  Link link = {&sent, keep, 244, 4};
  StaticMemory<5, 3, 16, 8> memory;
  Session session(memory.view(), {kUid, 77, 0, 0, 0, {0.5f, -2}},
                  {nullptr, [](void*) { return uint32_t{0}; }, nullptr});
  LockedBoard other;
  const Bytes greet = Host(other).greet();
  session.receive(&link, greet.data(), greet.size());
  CHECK_EQUAL(sent.size(), 1u);
  CHECK_EQUAL(sent.front().back(), static_cast<uint8_t>(Status::kUnpaired));
}

TEST(sealed_frames_on_serial_have_no_checksum) {
  std::mt19937 rng(3);
  for (size_t length = 11; length <= kMaxFrame; ++length) {
    Bytes frame(length), wire(kMaxSerialWire);
    for (uint8_t& byte : frame) byte = rng() % 4 == 0 ? 0 : static_cast<uint8_t>(rng());
    wire.resize(encode_bare_serial_frame(frame.data(), frame.size(), wire.data()));
    CHECK_EQUAL(wire.size(), length + 2 + ((length + 2) % 64 == 0 ? 1 : 0));
    SerialFrameDecoder decoder;
    auto found = SerialFrameDecoder::Found::kNothing;
    for (const uint8_t byte : wire) {
      const auto now = decoder.take(byte);
      if (now != SerialFrameDecoder::Found::kNothing) found = now;
    }
    CHECK(found == SerialFrameDecoder::Found::kBare);
    CHECK_EQUAL(Bytes(decoder.frame(), decoder.frame() + decoder.bare_length()), frame);
  }
}
