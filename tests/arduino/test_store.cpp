// The store on flash that behaves like flash: writes clear bits and nothing else, and the power may fail at
// any write, in the middle of it, too.
#include <cstring>
#include <memory>
#include <random>

#include "bytefed/keeper.h"
#include "check.h"

using namespace bytefed;
using check::Bytes;

namespace {

constexpr uint32_t kPage = 256, kPages = 40;

struct Flash {
  explicit Flash(uint32_t pages = kPages) : bytes(pages * kPage, 0xFF), wear(pages) {}

  BlockDevice device() { return {this, kPage, static_cast<uint32_t>(wear.size()), read, program, erase}; }
  // Bytes that the failing operation still gets done: none, some, or all but the last.
  size_t part_of(size_t length) { return random() % length; }

  static bool read(void* context, uint32_t address, void* data, size_t length) {
    Flash* self = static_cast<Flash*>(context);
    CHECK(address % 4 == 0 && length % 4 == 0 && address + length <= self->bytes.size());
    std::memcpy(data, &self->bytes[address], length);
    return true;
  }
  static bool program(void* context, uint32_t address, const void* data, size_t length) {
    Flash* self = static_cast<Flash*>(context);
    CHECK(address % 4 == 0 && length % 4 == 0 && address + length <= self->bytes.size());
    const size_t done = self->power(length);
    const uint8_t* from = static_cast<const uint8_t*>(data);
    for (size_t i = 0; i < done; ++i) self->bytes[address + i] &= from[i];
    return done == length;
  }
  static bool erase(void* context, uint32_t address) {
    Flash* self = static_cast<Flash*>(context);
    CHECK(address % kPage == 0);
    const size_t done = self->power(kPage);
    std::memset(&self->bytes[address], 0xFF, done);
    ++self->wear[address / kPage];
    if (static_cast<int>(address / kPage) == self->worn) self->bytes[address + 40] &= 0xFE;  // a bit is stuck
    return done == kPage;
  }
  // Bytes that the next operation gets done.
  size_t power(size_t length) {
    ++operations;
    if (left < 0) return length;
    if (left == 0) return 0;
    return --left == 0 ? part_of(length) : length;
  }

  Bytes bytes;
  std::vector<unsigned> wear;
  int left = -1;  // operations until the power fails, -1: never
  int worn = -1;  // page that no longer erases well
  unsigned operations = 0;
  std::mt19937 random{7};
};

constexpr size_t kLength = 2 * kPage + 30;  // three pages a slot

struct Saved {
  explicit Saved(Flash& flash, uint32_t slots = 4, uint32_t layout = 1)
      : parts{{first, sizeof first}, {second, sizeof second}},
        image(flash.device(), 2, slots, layout, parts, 2) {}
  void fill(uint8_t value) {
    std::memset(first, value, sizeof first);
    std::memset(second, value ^ 0x55, sizeof second);
  }
  // Which `fill` it is, -1 for a mixture.
  int filled() const {
    for (uint8_t byte : first) {
      if (byte != first[0]) return -1;
    }
    for (uint8_t byte : second) {
      if (byte != (first[0] ^ 0x55)) return -1;
    }
    return first[0];
  }
  bool write() {
    image.start();
    Image::Progress progress = Image::Progress::kBusy;
    while (progress == Image::Progress::kBusy) progress = image.step();
    return progress == Image::Progress::kDone;
  }

  uint8_t first[30], second[kLength - 30];
  Part parts[2];
  Image image;
};

struct KeptBoard {
  explicit KeptBoard(Flash& flash, uint32_t model = 7)
      : session(memory.view(), {1, 2, 0, 0, 0, {0.5f, 0}}, {nullptr, millis, nullptr}),
        keeper(flash.device(), session, memory.view(), model),
        link{nullptr, send, 250, 4} {
    keeper.load();
  }
  static uint32_t millis(void*) { return 0; }
  static bool send(void*, const uint8_t*, size_t) { return true; }
  template <typename M>
  void ask(const M& message, const Bytes& blob = {}) {
    Bytes frame(kHeaderSize + M::kSize);
    pack_control_header(M::kKind, ++sequence, frame.data());
    pack(message, frame.data() + kHeaderSize);
    frame.insert(frame.end(), blob.begin(), blob.end());
    session.receive(&link, frame.data(), frame.size());
    work();
  }
  void work() {
    while (session.poll()) {
    }
  }
  void add(uint16_t count) {
    Bytes blob(count * 5u);
    for (size_t i = 0; i < blob.size(); ++i) blob[i] = i % 5 == 0 ? 1 : static_cast<uint8_t>(3 * i);
    ask(Add{session.store().count(Split::kTrain), count, 0, crc32(blob.data(), blob.size()), 0.5f, 0});
    Bytes frame(kHeaderSize);
    pack(DataHeader{static_cast<uint8_t>(sequence & 3), true, 0}, frame.data());
    frame.insert(frame.end(), blob.begin(), blob.end());
    session.receive(&link, frame.data(), frame.size());
    work();
  }
  void train(uint16_t round) {
    ask(Hello{1, 1, 9, 1, 250});
    ask(Config{2, 1, 4, 0.1f, 3});  // a lossy codec, so that there is a residual
    const Bytes head(10 * 4, 0);
    ask(Begin{round, 0, Begin::kTrain, crc32(head.data(), head.size())}, head);
  }
  // Milliseconds of silence.
  void wait(uint32_t ms) {
    for (uint32_t i = 0; i < ms; ++i) keeper.poll(++now);
  }

  StaticMemory<4, 2, 20, 4> memory;
  Session session;
  Keeper keeper;
  Link link;
  uint8_t sequence = 0;
  uint32_t now = 0xFFFFF000u;
};

}  // namespace

TEST(store_brings_back_what_was_written) {
  Flash flash;
  Saved saved(flash);
  CHECK(!saved.image.load());
  saved.fill(1);
  CHECK(saved.write());
  saved.fill(2);
  CHECK(saved.write());
  Saved again(flash);
  CHECK(again.image.load());
  CHECK_EQUAL(again.filled(), 2);
  CHECK_EQUAL(again.image.generation(), 2u);
}

TEST(store_survives_a_power_cut_at_every_write) {
  unsigned operations = 0;
  {
    Flash flash;
    Saved saved(flash);
    saved.fill(1);
    CHECK(saved.write());
    operations = flash.operations;
  }
  for (uint32_t slots = 2; slots <= 4; ++slots) {
    for (int history = 1; history <= 5; ++history) {
      for (int left = 0; left <= static_cast<int>(operations); ++left) {
        Flash flash;
        flash.random.seed(static_cast<unsigned>(left));
        {
          Saved saved(flash, slots);
          for (int i = 1; i <= history; ++i) {
            saved.fill(static_cast<uint8_t>(i));
            CHECK(saved.write());
          }
          flash.left = left;
          saved.fill(99);
          saved.write();
          flash.left = -1;
        }
        Saved after(flash, slots);
        CHECK(after.image.load());
        const int found = after.filled();
        CHECK(found == history || (found == 99 && left == static_cast<int>(operations)));
        after.fill(100);
        CHECK(after.write());
        Saved last(flash, slots);
        CHECK(last.image.load());
        CHECK_EQUAL(last.filled(), 100);
      }
    }
  }
}

TEST(store_survives_cut_after_cut) {
  std::mt19937 random(5);
  Flash flash;
  int safe = -1;
  for (int i = 0; i < 2000; ++i) {
    Saved saved(flash, 3);
    const bool found = saved.image.load();
    CHECK_EQUAL(found, safe >= 0);
    if (found) {
      const int now = saved.filled();
      CHECK(now == safe);
    }
    const int next = i % 200;
    saved.fill(static_cast<uint8_t>(next));
    flash.left = random() % 4 == 0 ? -1 : static_cast<int>(random() % 8);
    if (saved.write()) safe = next;
    flash.left = -1;
  }
}

TEST(store_wears_all_slots_alike) {
  Flash flash;
  Saved saved(flash, 4);
  for (int i = 0; i < 400; ++i) {
    saved.fill(static_cast<uint8_t>(i));
    CHECK(saved.write());
  }
  for (uint32_t page = 2; page < 2 + 4 * 3; ++page) CHECK_EQUAL(flash.wear[page], 100u);
  for (uint32_t page : {0u, 1u, 14u, 15u}) CHECK_EQUAL(flash.wear[page], 0u);
  const unsigned before = flash.operations;
  CHECK(saved.write());  // the same again
  CHECK_EQUAL(flash.operations, before);
}

TEST(store_passes_a_worn_page_over) {
  for (int worn = 2; worn < 14; ++worn) {
    Flash flash;
    flash.worn = worn;
    Saved saved(flash, 4);
    int written = 0;
    for (int i = 0; i < 20; ++i) {
      saved.fill(static_cast<uint8_t>(0x81 + 2 * i));
      if (saved.write()) written = 0x81 + 2 * i;
      Saved after(flash, 4);
      CHECK_EQUAL(after.image.load(), written != 0);
      if (written != 0) CHECK_EQUAL(after.filled(), written);
    }
    CHECK(written != 0);
  }
}

TEST(store_takes_no_image_that_is_damaged_or_of_something_else) {
  Flash flash;
  Saved saved(flash, 2);
  saved.fill(1);
  CHECK(saved.write());
  saved.fill(2);
  CHECK(saved.write());
  CHECK(!Saved(flash, 2, 9).image.load());
  for (size_t at = 5 * kPage; at < 5 * kPage + kLength + 24; ++at) {  // the second slot has the newest
    Flash damaged = flash;
    damaged.bytes[at] ^= 0x10;
    Saved after(damaged, 2);
    CHECK(after.image.load());
    CHECK_EQUAL(after.filled(), at < 5 * kPage + 24 + kLength ? 1 : 2);
  }
  Flash noise;
  for (uint8_t& byte : noise.bytes) byte = static_cast<uint8_t>(noise.random());
  CHECK(!Saved(noise).image.load());
}

TEST(keeper_gives_a_board_its_samples_and_its_round_back) {
  Flash flash;
  uint32_t samples = 0;
  Bytes delta;
  {
    KeptBoard board(flash);
    board.wait(1);
    board.ask(Hello{1, 1, 9, 1, 250});
    board.add(8);
    board.train(3);
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
  board.ask(Hello{1, 1, 9, 1, 250});
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
      board.ask(Hello{1, 1, 9, 1, 250});
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
