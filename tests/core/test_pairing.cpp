// Keys of boards (SPEC 10.5): who may give one, what goes before it, and what a loss of power leaves.
#include "bench_flash.h"
#include "bytefed/storage/keeper.h"
#include "bytefed/storage/key_store.h"
#include "sealed_bench.h"
#include "vectors.h"

using namespace sealed_bench;

namespace {

// One of the two links of a board.
class Line : public Door {
 public:
  Line(Session& session, BoardKey& key, bool cable)
      : session_(session),
        link_{this, &Line::send, 244, 4, nullptr, nullptr, cable},
        seal(session, link_, key, {this, &Line::random, &Line::millis}) {}

  void give(const Bytes& frame) override {
    seal.receive(frame.data(), frame.size(), frame.size());
    while (session_.poll()) {
    }
  }
  Bytes take() override {
    if (sent.empty()) return {};
    const Bytes frame = sent.front();
    sent.pop_front();
    return frame;
  }
  Bytes ask(const Bytes& frame) {
    give(frame);
    return take();
  }

  std::deque<Bytes> sent;

 private:
  static bool send(void* context, const uint8_t* frame, size_t length) {
    static_cast<Line*>(context)->sent.emplace_back(frame, frame + length);
    return true;
  }
  static uint32_t millis(void* context) { return static_cast<Line*>(context)->now_ += 600; }
  static bool random(void* context, uint8_t* bytes, size_t length) {
    for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(static_cast<Line*>(context)->rng());
    return true;
  }

  Session& session_;
  Link link_;
  uint32_t now_ = 0;

 public:
  SealedLink seal;
};

// A board with flash, from one start to the next loss of power.
class PairedBoard {
 public:
  explicit PairedBoard(Flash& flash)
      : session(memory.view(), {kUid, 77, 0, 0, 0, {0.5f, 0}}, {nullptr, millis, nullptr}),
        keeper(KeyStore::rest(flash.device()), session, memory.view(), 7),
        key_store(flash.device()),
        key({this, &PairedBoard::erase, &PairedBoard::keep}),
        cable(session, key, true),
        radio(session, key, false) {
    keeper.load();
    const uint8_t* const kept = key_store.load();
    if (kept != nullptr) key.set(kept);
  }

  // Fills memory and flash with samples, a head, a residual and a delta.
  void learn() {
    ask(Hello{2, 2, 5, 1, 250});
    ask(Config{0, 2, 1, 4, 0.1f, 3, 0});
    Bytes blob(8 * 6);
    for (size_t i = 0; i < blob.size(); ++i) blob[i] = i % 6 == 0 ? i % 3 : static_cast<uint8_t>(7 * i);
    ask(Add{0, 8, 0, crc32(blob.data(), blob.size()), 0.5f, 0});
    Bytes chunk(kHeaderSize);
    pack(DataHeader{static_cast<uint8_t>(sequence_ & 3), true, 0}, chunk.data());
    give(joined(chunk, blob));
    const Bytes head(sizeof memory.global, 0x3C);
    for (uint16_t round = 1; round <= 2; ++round) {
      ask(Next{round, crc32(head.data(), head.size())}, RoundFlag::kTrain, head);
    }
    CHECK(session.holds_delta());
    session.closed(&lent_);
    CHECK(keeper.save());
  }
  // Pieces of what it has learnt, none of which may be found anywhere once it has forgotten that.
  std::vector<Bytes> traces() const {
    std::vector<Bytes> pieces;
    for (const void* from :
         {static_cast<const void*>(memory.samples), static_cast<const void*>(memory.global),
          static_cast<const void*>(memory.local), static_cast<const void*>(memory.residual)}) {
      const uint8_t* const bytes = static_cast<const uint8_t*>(from);
      pieces.emplace_back(bytes, bytes + 16);
    }
    return pieces;
  }
  uint16_t samples() const { return session.store().count(Split::kTrain); }

 private:
  template <typename M>
  void ask(const M& message, uint8_t flags = 0, const Bytes& blob = {}) {
    const Kind kind = static_cast<Kind>(static_cast<uint8_t>(M::kKind) | flags);
    give(control(kind, ++sequence_, joined(body_of(message), blob)));
  }
  void give(const Bytes& frame) {
    session.receive(&lent_, frame.data(), frame.size());
    while (session.poll()) {
    }
  }
  static bool send(void*, const uint8_t*, size_t) { return true; }
  static uint32_t millis(void*) { return 0; }
  static bool erase(void* context) { return static_cast<PairedBoard*>(context)->keeper.erase(); }
  static Status keep(void* context, const uint8_t* bytes) {
    return static_cast<PairedBoard*>(context)->key_store.save(bytes) ? Status::kOk : Status::kStorageFailed;
  }

  Link lent_ = {nullptr, &PairedBoard::send, 250, 4};
  uint8_t sequence_ = 0;

 public:
  StaticMemory<5, 3, 16, 8> memory = {};
  Session session;
  Keeper keeper;
  KeyStore key_store;
  BoardKey key;
  Line cable, radio;
};

Bytes pair(uint8_t first_key_byte, uint8_t flags = 0, uint8_t sequence = 9) {
  Bytes body(1 + kKeySize);
  body[0] = flags;
  body[1] = first_key_byte;
  return control(Kind::kPair, sequence, body);
}

bool is_paired(const Bytes& frame) {
  return frame.size() == kHeaderSize + Paired::kSize && frame[0] == static_cast<uint8_t>(Kind::kPaired);
}

Bytes error(Status status, uint8_t sequence = 9) {
  return control(Kind::kError, sequence, {static_cast<uint8_t>(status)});
}

Bytes locked(uint8_t sequence = 9) {
  return joined(error(Status::kLocked, sequence), {0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01});
}

Bytes hello() {
  return control(Kind::kHello, 3, body_of(Hello{2, 2, 9, 1, 244}));
}

// Whether a host with that key gets in.
bool opens(Line& line, uint8_t first_key_byte) {
  line.sent.clear();
  return Host(line, first_key_byte).connect();
}

bool holds(const uint8_t* memory, size_t size, const Bytes& piece) {
  return std::search(memory, memory + size, piece.begin(), piece.end()) != memory + size;
}

bool holds_any(const Flash& flash, const std::vector<Bytes>& pieces) {
  for (const Bytes& piece : pieces) {
    if (holds(flash.bytes.data(), flash.bytes.size(), piece)) return true;
  }
  return false;
}

bool holds_any(const PairedBoard& board, const std::vector<Bytes>& pieces) {
  for (const Bytes& piece : pieces) {
    if (holds(reinterpret_cast<const uint8_t*>(&board.memory), sizeof board.memory, piece)) return true;
  }
  return false;
}

}  // namespace

TEST(pairing_gives_a_board_its_key) {
  Flash flash;
  {
    PairedBoard board(flash);
    board.learn();
    CHECK_EQUAL(board.cable.ask(hello())[0], static_cast<uint8_t>(Kind::kWelcome));
    const Bytes paired = board.cable.ask(pair(42));
    CHECK(is_paired(paired));
    Paired told;
    unpack(paired.data() + kHeaderSize, Paired::kSize, &told);
    CHECK(told.uid == kUid);
    CHECK_EQUAL(told.check, board.key.check());
    CHECK(board.session.link() == nullptr);  // who asked in the clear has to knock again
    CHECK_EQUAL(board.samples(), 8);
    CHECK_EQUAL(board.cable.ask(hello()), locked(3));
    CHECK_EQUAL(board.radio.ask(hello()), locked(3));
    CHECK(opens(board.cable, 42));
    board.cable.seal.close();
    CHECK(opens(board.radio, 42));
  }
  PairedBoard again(flash);
  CHECK_EQUAL(again.samples(), 8);
  CHECK_EQUAL(again.radio.ask(hello()), locked(3));
  CHECK(opens(again.radio, 42));
  CHECK(!opens(again.radio, 43));
}

TEST(pairing_tells_a_check_value_of_the_key) {
  const auto lines = vectors::read("seal_checks.txt");
  CHECK(lines.size() >= 8);
  for (const auto& parts : lines) {
    BoardKey key;
    key.set(vectors::bytes(parts[0]).data());
    CHECK_EQUAL(key.check(), static_cast<uint32_t>(std::stoul(parts[1], nullptr, 16)));
  }
}

TEST(first_frame_takes_no_board_that_another_host_uses_by_now) {
  Flash flash;
  PairedBoard board(flash);
  CHECK(is_paired(board.cable.ask(pair(42))));
  Host early(board.radio, 42), working(board.cable, 42);
  CHECK(early.connect(1));  // tentative, and nobody else is there
  CHECK(working.connect(2));
  CHECK_EQUAL(working.ask(Kind::kStore).size(), kHeaderSize + Stored::kSize);
  board.radio.give(early.seal(control(Kind::kInfo, 1)));
  CHECK_EQUAL(board.radio.take(), error(Status::kNoSession, 1));
  CHECK_EQUAL(working.ask(Kind::kStore).size(), kHeaderSize + Stored::kSize);
  const Bytes greet = early.greet(1);
  CHECK_EQUAL(board.radio.ask(greet), error(Status::kBusy, early.sequence));
}

TEST(pairing_takes_no_key_by_radio) {
  Flash flash;
  PairedBoard board(flash);
  CHECK_EQUAL(board.radio.ask(pair(42)), error(Status::kNoSession));
  CHECK_EQUAL(board.radio.ask(hello())[0], static_cast<uint8_t>(Kind::kWelcome));
  for (const uint8_t flags : {uint8_t{0}, Pair::kErase}) {
    CHECK_EQUAL(board.radio.ask(pair(42, flags)), error(Status::kUnknownKind));
  }
  CHECK(!board.key.held());
  board.radio.seal.close();
  board.learn();
  CHECK(is_paired(board.cable.ask(pair(42))));
  for (const uint8_t flags : {uint8_t{0}, Pair::kErase}) {
    CHECK_EQUAL(board.radio.ask(pair(43, flags)), error(Status::kNoSession));
    Host host(board.radio, 42);
    CHECK(host.connect());
    const Bytes body = joined({flags}, Bytes(kKeySize, 43));
    const Bytes refusal = host.ask(Kind::kPair, body);
    CHECK_EQUAL(refusal, error(Status::kUnknownKind, host.sequence));
    board.radio.seal.close();
  }
  CHECK_EQUAL(board.samples(), 8);
  CHECK(opens(board.radio, 42));
}

TEST(pairing_needs_the_key_before_or_erases) {
  Flash flash;
  PairedBoard board(flash);
  board.learn();
  CHECK(is_paired(board.cable.ask(pair(42))));
  Host host(board.radio, 42);
  CHECK(host.connect());
  CHECK_EQUAL(host.ask(Kind::kStore).size(), kHeaderSize + Stored::kSize);
  const unsigned operations = flash.operations;
  CHECK_EQUAL(board.cable.ask(pair(43)), locked());
  CHECK_EQUAL(flash.operations, operations);
  CHECK_EQUAL(host.ask(Kind::kStore).size(), kHeaderSize + Stored::kSize);
  CHECK_EQUAL(board.samples(), 8);
  CHECK(!opens(board.cable, 43));
}

TEST(pairing_again_changes_nothing) {
  Flash flash;
  PairedBoard board(flash);
  board.learn();
  const Bytes first = board.cable.ask(pair(42));
  CHECK(is_paired(first));
  Host host(board.radio, 42);
  CHECK(host.connect());
  CHECK_EQUAL(host.ask(Kind::kStore).size(), kHeaderSize + Stored::kSize);
  const unsigned operations = flash.operations;
  CHECK_EQUAL(board.cable.ask(pair(42)), first);
  CHECK_EQUAL(board.cable.ask(pair(42, Pair::kErase)), first);
  CHECK_EQUAL(flash.operations, operations);
  CHECK_EQUAL(board.samples(), 8);
  CHECK_EQUAL(host.ask(Kind::kStore).size(), kHeaderSize + Stored::kSize);  // its session goes on
}

TEST(pairing_with_erase_leaves_nothing_of_what_was_learnt) {
  for (const uint8_t old : {uint8_t{0}, uint8_t{42}}) {
    Flash flash;
    PairedBoard board(flash);
    if (old != 0) CHECK(is_paired(board.cable.ask(pair(old))));
    board.learn();
    const std::vector<Bytes> traces = board.traces();
    CHECK(holds_any(flash, traces) && holds_any(board, traces));
    // A page that only other firmware used.
    flash.bytes[(kPages - 3) * kPage + 100] = 0x12;
    CHECK(is_paired(board.cable.ask(pair(43, Pair::kErase))));
    CHECK(board.session.link() == nullptr);
    for (uint32_t at = 0; at < (kPages - 2) * kPage; ++at) CHECK_EQUAL(flash.bytes[at], 0xFF);
    CHECK(!holds_any(board, traces));
    CHECK_EQUAL(board.samples(), 0);
    CHECK_EQUAL(static_cast<int>(board.session.state()), static_cast<int>(State::kIdle));
    CHECK(!board.session.holds_delta());
    CHECK_EQUAL(board.session.round_record().run, 0u);
    for (int ms = 0; ms < 200000; ++ms) board.keeper.poll(static_cast<uint32_t>(ms));
    CHECK(!holds_any(flash, traces));
    CHECK(opens(board.cable, 43));
    // It learns and saves as a new board does.
    board.learn();
    PairedBoard again(flash);
    CHECK_EQUAL(again.samples(), 8);
    CHECK(again.session.holds_delta());
    CHECK(opens(again.radio, 43));
  }
}

TEST(pairing_in_a_session_changes_the_key_and_nothing_else) {
  Flash flash;
  PairedBoard board(flash);
  board.learn();
  CHECK(is_paired(board.cable.ask(pair(42))));
  Host host(board.cable, 42), replayed(board.cable, 42), other(board.radio, 42);
  CHECK(other.connect());
  CHECK_EQUAL(other.ask(Kind::kInfo).size(), kHeaderSize + Board::kSize);
  board.radio.seal.close();
  const Bytes radio_greet = other.greet();
  CHECK(other.welcomed(board.radio.ask(radio_greet)));  // tentative
  CHECK(host.connect(5));
  CHECK_EQUAL(host.ask(Kind::kInfo).size(), kHeaderSize + Board::kSize);
  CHECK(replayed.connect(5));  // tentative
  const Bytes body = joined({0, 43}, Bytes(kKeySize - 1));
  const Bytes paired = host.ask(Kind::kPair, body);
  CHECK(is_paired(paired));
  CHECK_EQUAL(board.samples(), 8);
  CHECK(board.session.holds_delta());
  const unsigned operations = flash.operations;
  CHECK_EQUAL(Bytes(host.ask(Kind::kPair, body)).back(), paired.back());
  CHECK_EQUAL(flash.operations, operations);
  CHECK_EQUAL(host.ask(Kind::kStore).size(), kHeaderSize + Stored::kSize);
  board.cable.give(replayed.seal(control(Kind::kInfo, 1)));
  CHECK(board.cable.sent.empty());
  board.cable.seal.close();
  board.radio.give(other.seal(control(Kind::kInfo, 1)));
  CHECK_EQUAL(board.radio.take(), error(Status::kNoSession, 1));
  CHECK(!opens(board.cable, 42) && !opens(board.radio, 42));
  CHECK(opens(board.cable, 43) && opens(board.radio, 43));
  // The key before is nowhere in flash: no damage brings it back.
  Bytes old(kKeySize);
  old[0] = 42;
  CHECK(!holds(flash.bytes.data(), flash.bytes.size(), old));
}

TEST(pairing_in_a_session_can_erase) {
  Flash flash;
  PairedBoard board(flash);
  CHECK(is_paired(board.cable.ask(pair(42))));
  board.learn();
  const std::vector<Bytes> traces = board.traces();
  for (const uint8_t before : {42, 43}) {  // the second time the key stays the same
    Host host(board.cable, before);
    CHECK(host.connect(5));
    CHECK(is_paired(host.ask(Kind::kPair, joined({Pair::kErase, 43}, Bytes(kKeySize - 1)))));
    CHECK_EQUAL(board.samples(), 0);
    CHECK(!holds_any(flash, traces) && !holds_any(board, traces));
    CHECK_EQUAL(host.ask(Kind::kStore).size(), kHeaderSize + Stored::kSize);
    const Bytes blob(6, 0);
    host.ask(Kind::kAdd, joined(body_of(Add{0, 1, 4, crc32(blob.data(), 6), 0.5f, 0}), host.seal_of(blob)));
    const uint8_t added = host.sequence;
    CHECK(is_paired(host.ask(Kind::kPair, joined({Pair::kErase, 43}, Bytes(kKeySize - 1)))));
    host.sequence = static_cast<uint8_t>(added - 1);
    CHECK_EQUAL(host.ask(Kind::kPoll), error(Status::kNotReceived, added));  // not: it is stored
    board.cable.seal.close();
  }
}

TEST(pairing_refuses_what_is_no_key) {
  Flash flash;
  PairedBoard board(flash);
  board.learn();
  const unsigned operations = flash.operations;
  for (size_t size = 0; size <= kKeySize; ++size) {
    Bytes frame = pair(42, Pair::kErase);
    frame.resize(kHeaderSize + size);
    CHECK_EQUAL(board.cable.ask(frame), error(Status::kBadLength));
  }
  CHECK_EQUAL(board.cable.ask(pair(0, Pair::kErase)), error(Status::kBadValue));
  for (unsigned flags = 2; flags < 256; ++flags) {
    CHECK_EQUAL(board.cable.ask(pair(42, static_cast<uint8_t>(flags))), error(Status::kBadValue));
  }
  CHECK(!board.key.held());
  CHECK_EQUAL(board.samples(), 8);
  CHECK_EQUAL(flash.operations, operations);
}

TEST(pairing_whose_flash_fails_keeps_the_key_before) {
  Flash flash;
  PairedBoard board(flash);
  flash.left = 0;
  CHECK_EQUAL(board.cable.ask(pair(42)), error(Status::kStorageFailed));
  CHECK(!board.key.held());
  flash.left = -1;
  CHECK(is_paired(board.cable.ask(pair(42))));
  board.learn();
  flash.left = 0;
  CHECK_EQUAL(board.cable.ask(pair(43, Pair::kErase)), error(Status::kStorageFailed));
  CHECK_EQUAL(board.samples(), 0);  // from memory it is gone
  CHECK(opens(board.cable, 42));
  board.cable.seal.close();
  flash.left = -1;
  CHECK(is_paired(board.cable.ask(pair(43, Pair::kErase))));
  CHECK(opens(board.cable, 43));
  Flash none(1);
  PairedBoard poor(none);
  CHECK_EQUAL(poor.cable.ask(pair(42)), error(Status::kStorageFailed));
}

// The power fails at each word that is written and at each page that is erased: there is the old key, or the
// new one and nothing that was learnt before it.
TEST(pairing_with_erase_loses_samples_before_it_takes_the_key) {
  for (const uint8_t old : {uint8_t{0}, uint8_t{42}}) {
    int olds = 0, news = 0;
    for (int pieces = 0;; ++pieces) {
      Flash flash;
      std::vector<Bytes> traces;
      bool over = false;
      {
        PairedBoard board(flash);
        if (old != 0) CHECK(is_paired(board.cable.ask(pair(old))));
        board.learn();
        traces = board.traces();
        flash.pieces_left = pieces;
        over = is_paired(board.cable.ask(pair(43, Pair::kErase))) && flash.pieces_left > 0;
        flash.pieces_left = -1;
      }
      PairedBoard after(flash);
      if (opens(after.cable, 43)) {
        ++news;
        CHECK(!holds_any(flash, traces) && !holds_any(after, traces));
        CHECK_EQUAL(after.samples(), 0);
        CHECK(is_paired(after.cable.ask(pair(43, Pair::kErase))));
      } else {
        ++olds;
        CHECK_EQUAL(after.key.held(), old != 0);
        if (old != 0) CHECK(opens(after.radio, old));
        CHECK(is_paired(after.cable.ask(pair(43, Pair::kErase))));
        CHECK(!holds_any(flash, traces) && !holds_any(after, traces));
        PairedBoard again(flash);
        CHECK(opens(again.cable, 43));
      }
      if (over) break;
    }
    CHECK(olds > 15 && news > 10);
  }
}

TEST(pairing_cut_short_leaves_one_of_both_keys_and_all_samples) {
  int olds = 0, news = 0;
  for (int pieces = 0;; ++pieces) {
    Flash flash;
    bool over = false;
    {
      PairedBoard board(flash);
      CHECK(is_paired(board.cable.ask(pair(42))));
      board.learn();
      Host host(board.cable, 42);
      CHECK(host.connect(5));
      flash.pieces_left = pieces;
      over = is_paired(host.ask(Kind::kPair, joined({0, 43}, Bytes(kKeySize - 1)))) && flash.pieces_left > 0;
      flash.pieces_left = -1;
    }
    PairedBoard after(flash);
    CHECK_EQUAL(after.samples(), 8);
    CHECK(after.session.holds_delta());
    const bool is_new = opens(after.cable, 43);
    ++(is_new ? news : olds);
    if (!is_new) CHECK(opens(after.radio, 42));
    if (over) break;
  }
  CHECK(olds > 10 && news > 10);
}

TEST(a_board_whose_flash_lost_the_key_is_one_without) {
  Flash flash;
  {
    PairedBoard board(flash);
    CHECK(is_paired(board.cable.ask(pair(42))));
  }
  flash.bytes[(kPages - 2) * kPage + 30] ^= 1;
  CHECK(PairedBoard(flash).key.held());  // the second copy
  flash.bytes[(kPages - 1) * kPage + 30] ^= 1;
  PairedBoard board(flash);
  CHECK(!board.key.held());
  CHECK_EQUAL(board.cable.ask(hello())[0], static_cast<uint8_t>(Kind::kWelcome));
  CHECK_EQUAL(board.cable.ask(Host(board.cable, 42).greet()).back(), static_cast<uint8_t>(Status::kUnpaired));
  CHECK(is_paired(board.cable.ask(pair(44))));
}
