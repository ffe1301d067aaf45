// Tests of the state that a board keeps over a loss of power, and of the times when it is written.
#include "bench_flash.h"
#include "bytefed/storage/keeper.h"
#include "vectors.h"

namespace {

template <uint16_t D, uint8_t C>
struct BoardOf {
  explicit BoardOf(Flash& flash, uint32_t model = 7)
      : session(memory.view(), {1, 2, 0, 0, 0, {0.5f, 0}}, {nullptr, millis, nullptr}),
        keeper(flash.device(), session, memory.view(), model),
        link{nullptr, send, 250, 4},
        narrow{nullptr, send, 20, 4} {
    keeper.load();
  }
  static uint32_t millis(void*) { return 0; }
  static bool send(void*, const uint8_t*, size_t) { return true; }
  template <typename M>
  void ask(const M& message, uint8_t flags = 0, const Bytes& blob = {}) {
    ask_on(link, message, flags, blob);
  }
  template <typename M>
  void ask_on(Link& on, const M& message, uint8_t flags = 0, const Bytes& blob = {}) {
    Bytes body(kHeaderSize + M::kSize);
    pack_control_header(static_cast<Kind>(static_cast<uint8_t>(M::kKind) | flags), ++sequence, body.data());
    pack(message, body.data() + kHeaderSize);
    const Bytes frame = joined(body, blob);
    session.receive(&on, frame.data(), frame.size());
    work();
  }
  // A chunk, or an ACK, of the transfer of the last request.
  void data(Link& on, uint16_t index, const Bytes& content) {
    Bytes header(kHeaderSize);
    pack(DataHeader{static_cast<uint8_t>(sequence & 3), true, index}, header.data());
    const Bytes frame = joined(header, content);
    session.receive(&on, frame.data(), frame.size());
    work();
  }
  void hello(uint32_t run = 9) { ask(Hello{2, 2, run, 1, 250}); }
  // A host on the link with small frames begins a round, so that the board waits for its head.
  void begin(uint32_t run, uint16_t round) {
    ask_on(narrow, Hello{2, 2, run, 1, 20});
    ask_on(narrow, Begin{round, 0, 0}, RoundFlag::kStatistics);
    CHECK_EQUAL(static_cast<int>(session.state()), static_cast<int>(State::kReceiving));
  }
  void work() {
    while (session.poll()) {
    }
  }
  void add(uint16_t count, uint8_t kind = 0) {
    Bytes blob(count * (D + 1u));
    for (size_t i = 0; i < blob.size(); ++i) blob[i] = i % (D + 1u) == 0 ? 1 : static_cast<uint8_t>(3 * i);
    const uint16_t held = session.store().count((kind & Add::kTest) != 0 ? Split::kTest : Split::kTrain);
    const uint16_t first = (kind & Add::kAnew) != 0 ? uint16_t{0} : held;
    ask(Add{first, count, kind, crc32(blob.data(), blob.size()), 0.5f, 0});
    data(link, 0, blob);
  }
  void train(uint16_t round) {
    hello();
    ask(Config{0, 2, 1, 4, 0.1f, 3});  // a lossy codec, so that there is a residual
    const Bytes head(sizeof memory.global, static_cast<uint8_t>(0x3C + round % 2));
    ask(Next{round, crc32(head.data(), head.size())}, RoundFlag::kTrain, head);
    trained = round;
  }
  // A run begins: samples, and the round with that number.
  void learn(uint16_t round) {
    hello();
    add(8);
    train(round);
  }
  // The host has the delta, and counts it.
  void confirm() { ask(Release{trained, 1}); }
  // Milliseconds of silence.
  void wait(uint32_t ms) {
    for (uint32_t i = 0; i < ms; ++i) keeper.poll(++now);
  }

  StaticMemory<D, C, 20, 4> memory;
  Session session;
  Keeper keeper;
  Link link, narrow;
  uint8_t sequence = 0;
  uint16_t trained = 0;  // the last round
  uint32_t now = 0xFFFFF000u;
};
using KeptBoard = BoardOf<4, 2>;

// Returns the pages of the smallest flash that has room for the board's images.
uint32_t least_pages() {
  for (uint32_t pages = 1;; ++pages) {
    Flash flash(pages);
    if (KeptBoard(flash).keeper.fits()) return pages;
  }
}

template <typename T>
bool same(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// Whether two boards have the same in the kept part of `local`; behind it is room for masked blobs, which go
// with the power.
bool same_local(const KeptBoard& a, const KeptBoard& b) {
  return std::memcmp(a.memory.local, b.memory.local, sizeof(float) * plain_floats({4, 2}, true)) == 0;
}

// Checks that a board with that flash knows after a loss of power what this one knows, except for the number
// of a round whose head never came.
void check_kept(Flash& flash, const KeptBoard& board) {
  const KeptBoard after(flash);
  const RoundRecord now = board.session.round_record(), then = after.session.round_record();
  CHECK(now.run == then.run && now.state == then.state);
  CHECK(now.kept == then.kept);
  CHECK(same(board.memory.global, after.memory.global));
  CHECK(same(board.memory.residual, after.memory.residual));
  if (now.kept) CHECK(now.round == then.round && same_local(board, after));
  CHECK_EQUAL(board.session.store().count(Split::kTrain), after.session.store().count(Split::kTrain));
  CHECK_EQUAL(board.session.store().count(Split::kTest), after.session.store().count(Split::kTest));
  CHECK_EQUAL(board.session.store().crc(), after.session.store().crc());
}

}  // namespace

TEST(keeper_gives_a_board_its_samples_and_its_round_back) {
  Flash flash;
  uint32_t samples = 0;
  Bytes delta;
  {
    KeptBoard board(flash);
    board.wait(1);
    board.learn(3);
    CHECK_EQUAL(static_cast<int>(board.session.state()), static_cast<int>(State::kReady));
    samples = board.session.store().crc();
    const float* local = board.memory.local;
    delta.assign(reinterpret_cast<const uint8_t*>(local), reinterpret_cast<const uint8_t*>(local + 10));
    board.keeper.heard(board.now);
    board.wait(900);
    CHECK_EQUAL(board.keeper.saves(), 0);  // the host may go on
    board.wait(8000);
    CHECK_EQUAL(board.keeper.saves(), 2);
    const unsigned operations = flash.operations;
    board.wait(100000);
    CHECK_EQUAL(flash.operations, operations);  // nothing has changed since
  }
  KeptBoard again(flash);
  CHECK_EQUAL(again.session.store().crc(), samples);
  CHECK_EQUAL(again.session.round(), 3);
  CHECK_EQUAL(static_cast<int>(again.session.state()), static_cast<int>(State::kReady));
  CHECK(std::memcmp(again.memory.local, delta.data(), delta.size()) == 0);
  KeptBoard other(flash, 8);  // another model
  CHECK_EQUAL(other.session.store().count(Split::kTrain), 0);
  CHECK_EQUAL(other.session.round(), 0);
}

TEST(keeper_writes_once_a_minute_while_the_host_is_busy) {
  Flash flash;
  KeptBoard board(flash);
  board.hello();
  board.add(8);
  for (int second = 0; second < 300; ++second) {
    board.keeper.heard(board.now);
    board.train(static_cast<uint16_t>(second + 1));
    board.wait(999);
  }
  CHECK(board.keeper.saves() >= 4 && board.keeper.saves() <= 10);
}

TEST(keeper_never_mixes_two_states) {
  for (int left = 0; left < 40; ++left) {
    Flash flash;
    {
      KeptBoard board(flash);
      board.hello();
      board.add(8);
      CHECK(board.keeper.save());
      flash.left = left;
      board.add(4);
      board.train(1);
      board.keeper.save();
      flash.left = -1;
    }
    KeptBoard after(flash);
    const uint16_t count = after.session.store().count(Split::kTrain);
    CHECK(count == 8 || count == 12);
    const SampleStore& store = after.session.store();
    for (uint16_t i = 0; i < count; ++i) CHECK_EQUAL(store.get(Split::kTrain, i).label, 1);
    after.train(2);
    CHECK(after.keeper.save());
  }
}

TEST(keeper_without_room_says_so) {
  Flash flash(3);
  KeptBoard board(flash);
  CHECK(!board.keeper.fits());
  CHECK(!board.keeper.save());
  board.wait(5000);
  CHECK_EQUAL(flash.operations, 0u);
}

TEST(keeper_gives_back_all_memory_each_time) {
  for (uint32_t pages : {least_pages(), kPages}) {
    Flash flash(pages);
    KeptBoard board(flash);
    for (uint16_t round = 1; round <= 20; ++round) {
      board.hello();
      board.add(8, Add::kAnew);
      board.add(static_cast<uint16_t>(1 + round % 8), Add::kTest);
      CHECK(board.keeper.save());
      check_kept(flash, board);
      board.train(round);
      CHECK(board.keeper.save());
      check_kept(flash, board);
      board.confirm();
      CHECK(board.keeper.save());
      check_kept(flash, board);
    }
  }
}

// Whatever the host does while an image is being written: each image that counts is whole, and the last one
// has it all.
TEST(keeper_takes_note_of_what_changes_while_it_writes) {
  for (int what = 0; what < 5; ++what) {
    for (uint32_t steps = 0; steps < 12; ++steps) {
      Flash flash;
      KeptBoard board(flash);
      board.learn(1);
      board.confirm();
      if (what == 4) {  // one that has nothing to settle
        CHECK(board.keeper.save());
        board.hello(10);
        board.ask(Release{0, 0});
      }
      board.wait(steps);
      switch (what) {
        case 0: board.add(4); break;
        case 1: board.train(2); break;
        case 2: CHECK(board.keeper.save()); break;
        default:  // a piece of a head
          board.session.closed(&board.link);
          board.begin(what == 4 ? 10 : 9, 2);
          board.data(board.narrow, 0, Bytes(18, 0x3C));
          CHECK(!board.keeper.save());
          board.wait(5000);
          board.session.closed(&board.narrow);
          board.hello(what == 4 ? 10 : 9);
      }
      for (int ms = 0; ms < 5000; ++ms) {
        const uint16_t saves = board.keeper.saves();
        board.wait(1);
        if (board.keeper.saves() != saves) CHECK_EQUAL(KeptBoard(flash).keeper.saves(), board.keeper.saves());
      }
      check_kept(flash, board);
    }
  }
}

TEST(keeper_tries_again_a_second_after_a_failure) {
  Flash flash;
  KeptBoard board(flash);
  board.learn(1);
  flash.left = 0;
  board.wait(10);
  CHECK(board.keeper.failed());
  const unsigned operations = flash.operations;
  board.wait(900);
  CHECK_EQUAL(flash.operations, operations);
  board.wait(200);
  CHECK(flash.operations > operations);
  CHECK(!board.keeper.save());
  flash.left = -1;
  board.wait(5000);
  CHECK(!board.keeper.failed());
  check_kept(flash, board);
}

TEST(keeper_saves_a_round_that_is_trained_again) {
  Flash flash;
  KeptBoard board(flash);
  board.learn(1);
  board.confirm();
  board.wait(5000);
  board.train(1);
  CHECK_EQUAL(static_cast<int>(board.session.state()), static_cast<int>(State::kReady));
  board.wait(5000);
  check_kept(flash, board);
}

TEST(keeper_survives_a_power_cut_on_the_smallest_flash_that_fits) {
  for (int left = 0; left < 20; ++left) {
    Flash flash(least_pages());
    {
      KeptBoard board(flash);
      board.learn(1);
      CHECK(board.keeper.save());
      board.train(2);
      flash.left = left;
      board.keeper.save();
      flash.left = -1;
    }
    const uint16_t round = KeptBoard(flash).session.round();
    CHECK(round == 1 || round == 2);
  }
}

TEST(keeper_leaves_a_board_as_it_is_when_nothing_was_saved) {
  Flash flash;
  const KeptBoard board(flash);
  CHECK(board.session.store().quantization().scale == 1.0f);
  CHECK_EQUAL(board.session.round_record().run, 0u);
}

TEST(keeper_restores_a_round_whole_or_not_at_all) {
  Flash flash;
  KeptBoard board(flash);
  board.learn(1);
  board.confirm();
  board.train(2);
  CHECK(board.keeper.save());
  int restored = 0;
  for (int good = 0; good < 40; ++good) {
    flash.reads_to_failure = good;
    const KeptBoard after(flash);
    flash.reads_to_failure = -1;
    if (after.session.round() == 0) continue;
    ++restored;
    CHECK(same_local(board, after) && same(board.memory.residual, after.memory.residual));
  }
  CHECK(restored > 0 && restored < 40);
}

// A board that is flashed anew keeps its samples. The round, which belongs to a run of the old protocol,
// begins anew.
TEST(keeper_takes_the_samples_that_firmware_1_left_and_not_its_round) {
  Flash flash;
  for (const vectors::Fields& page : vectors::read("flash_of_version_1.txt")) {
    const Bytes bytes = vectors::bytes(page[1]);
    std::copy(bytes.begin(), bytes.end(), flash.bytes.begin() + std::stol(page[0]) * kPage);
  }
  {
    KeptBoard board(flash);
    CHECK_EQUAL(board.session.store().count(Split::kTrain), 8);
    CHECK_EQUAL(board.session.store().count(Split::kTest), 3);
    CHECK_EQUAL(board.session.store().crc(), 0x90ABE6EBu);
    const RoundRecord round = board.session.round_record();
    CHECK(round.run == 0 && round.round == 0 && round.state == State::kIdle && !round.kept);
    CHECK(same(board.memory.global, decltype(board.memory.global){}));
    board.train(1);
    CHECK_EQUAL(static_cast<int>(board.session.state()), static_cast<int>(State::kReady));
    CHECK(board.keeper.save());
    check_kept(flash, board);
    board.confirm();
    board.add(4);
    CHECK(board.keeper.save());
    check_kept(flash, board);
  }
  const KeptBoard after(flash);
  CHECK_EQUAL(after.session.store().count(Split::kTrain), 12);
  CHECK_EQUAL(after.session.round(), 1);
  CHECK_EQUAL(KeptBoard(flash, 8).session.store().count(Split::kTrain), 0);  // of another model
}

TEST(keeper_takes_no_image_of_another_head_of_as_many_bytes) {
  Flash flash;
  {
    KeptBoard board(flash);
    board.learn(3);
    CHECK(board.keeper.save());
  }
  static_assert(sizeof KeptBoard::memory.global == sizeof BoardOf<1, 5>::memory.global, "");
  CHECK_EQUAL(KeptBoard(flash).session.round(), 3);
  CHECK_EQUAL((BoardOf<1, 5>(flash).session.round()), 0);
}

// A host that pauses for less than it takes to save is left alone for a minute; then pages are erased one by
// one.
TEST(keeper_erases_in_the_pauses_of_the_host) {
  Flash flash;
  KeptBoard board(flash);
  board.learn(1);
  const auto erased = [&] {
    unsigned pages = 0;
    for (unsigned wear : flash.wear) pages += wear;
    return pages;
  };
  board.wait(5000);
  CHECK(erased() > 0);
  const uint16_t saves = board.keeper.saves();
  unsigned before = erased();
  for (int second = 0; second < 50; ++second) {  // a word from the host every 90 ms
    if (second == 0) board.train(2);
    for (int i = 0; i < 11; ++i) {
      board.keeper.heard(board.now);
      board.wait(90);
    }
  }
  CHECK_EQUAL(erased(), before);
  CHECK_EQUAL(board.keeper.saves(), saves);
  unsigned most = 0;
  for (int i = 0; i < 300; ++i) {
    board.keeper.heard(board.now);
    before = erased();
    board.wait(90);
    most = std::max(most, erased() - before);
  }
  CHECK_EQUAL(most, 1u);  // one page between two words
  CHECK(board.keeper.saves() > saves);
  check_kept(flash, board);
}

// Samples are large and change seldom: a round that begins meanwhile neither waits for them nor ends their
// saving.
TEST(keeper_goes_on_with_the_samples_after_a_round) {
  Flash flash;
  KeptBoard board(flash);
  board.hello();
  CHECK(board.keeper.save());
  board.add(8);
  const uint32_t samples = board.session.store().crc();
  const uint16_t before = board.keeper.saves();
  while (board.keeper.saves() == before) board.wait(1);  // the round, in whose memory the samples arrived
  while (!board.keeper.saving()) board.wait(1);
  board.wait(2);
  CHECK(board.keeper.saving());
  board.session.closed(&board.link);
  board.begin(9, 1);
  const unsigned operations = flash.operations;
  board.wait(2000);
  CHECK_EQUAL(flash.operations, operations);
  board.session.closed(&board.narrow);
  board.hello();
  const uint16_t saves = board.keeper.saves();
  while (board.keeper.saves() == saves) board.wait(1);
  CHECK_EQUAL(KeptBoard(flash).session.store().crc(), samples);
}

// Rests of the host that are too short for an image: what is written in vain wears a page once a minute.
TEST(keeper_does_not_wear_pages_while_the_host_is_busy) {
  Flash flash;
  KeptBoard board(flash);
  board.hello();
  board.add(8);
  CHECK(board.keeper.save());
  const std::vector<unsigned> before = flash.wear;
  constexpr unsigned kMinutes = 20;
  for (uint16_t round = 1; round <= kMinutes * 600; ++round) {  // every 100 ms
    board.train(round);
    board.keeper.heard(board.now);
    board.wait(2);
    board.now += 98;
  }
  for (size_t page = 0; page < before.size(); ++page) CHECK(flash.wear[page] - before[page] <= kMinutes + 2);
}
