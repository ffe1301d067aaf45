// Images in flash: written, found again, damaged, cut off.
#include "bench_flash.h"

namespace {

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
          const unsigned before = flash.operations;
          saved.write();
          CHECK_EQUAL(flash.operations - before, std::max(1u, static_cast<unsigned>(left)));
          flash.left = -1;
          CHECK(saved.image.step() == Image::Progress::kFailed);
          CHECK_EQUAL(flash.operations - before, std::max(1u, static_cast<unsigned>(left)));
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
}

TEST(store_writes_nothing_twice) {
  Flash flash;
  Saved saved(flash);
  saved.fill(1);
  CHECK(saved.write());
  const unsigned before = flash.operations;
  CHECK(saved.write());
  Saved again(flash);
  CHECK(again.image.load());
  CHECK(again.write());
  CHECK_EQUAL(flash.operations, before);
  flash.left = 0;
  again.fill(2);
  CHECK(!again.write());
  again.fill(1);
  CHECK(again.write());  // that is there
}

TEST(store_writes_what_has_no_checksum_to_speak_of) {
  Flash flash;
  uint8_t bytes[] = {0x9D, 0x0A, 0xD9, 0x6D};
  CHECK_EQUAL(crc32(bytes, sizeof bytes), 0u);
  const Part part = {bytes, sizeof bytes};
  Image image(flash.device(), 0, 2, 1, &part, 1);
  image.start();
  while (image.step() == Image::Progress::kBusy) {
  }
  CHECK(Image(flash.device(), 0, 2, 1, &part, 1).load());
}

TEST(store_slots_have_room_for_the_header) {
  CHECK_EQUAL(Image::slot_pages(1, kPage), 1u);
  CHECK_EQUAL(Image::slot_pages(kPage - 24, kPage), 1u);
  CHECK_EQUAL(Image::slot_pages(kPage - 23, kPage), 2u);
  CHECK_EQUAL(Image::slot_pages(3 * kPage - 24, kPage), 3u);
  CHECK_EQUAL(Image::slot_pages(3 * kPage - 23, kPage), 4u);
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

TEST(store_with_one_good_slot_leaves_the_newest_image_alone) {
  Flash flash;
  flash.worn = 5;  // of the second slot
  Saved saved(flash, 2);
  saved.fill(1);
  CHECK(saved.write());
  for (uint8_t i = 0; i < 3; ++i) {
    saved.fill(static_cast<uint8_t>(0x81 + 2 * i));
    CHECK(!saved.write());
    Saved after(flash, 2);
    CHECK(after.image.load());
    CHECK_EQUAL(after.filled(), 1);
  }
}

TEST(store_takes_no_header_but_its_own) {
  for (size_t word : {0, 1, 3, 4}) {  // magic, layout, length, checksum of the parts
    Flash flash;
    Saved saved(flash);
    saved.fill(1);
    CHECK(saved.write());
    uint8_t* header = &flash.bytes[2 * kPage];
    header[4 * word] ^= 1;
    const uint32_t check = crc32(header, 20);
    std::memcpy(header + 20, &check, sizeof check);
    CHECK(!Saved(flash).image.load());
  }
}

TEST(store_uses_nothing_that_it_could_not_read) {
  constexpr int blocks = (kLength + 255) / 256, slot = 1 + blocks;  // reads
  for (int good = 0; good < 2 * slot + blocks; ++good) {
    Flash flash;
    Saved saved(flash, 2);
    for (uint8_t value : {1, 2}) {
      saved.fill(value);
      CHECK(saved.write());
    }
    flash.reads_to_failure = good;
    Saved after(flash, 2);
    CHECK_EQUAL(after.image.load(), good < 2 * slot);
    if (good < 2 * slot) CHECK_EQUAL(after.filled(), good < slot ? 2 : 1);
    flash.reads_to_failure = -1;
    after.fill(3);
    CHECK(after.write());
    CHECK(saved.image.load());
    CHECK_EQUAL(saved.filled(), 3);
  }
}

TEST(store_looks_anew_each_time) {
  Flash flash;
  Saved saved(flash);
  saved.fill(1);
  CHECK(saved.write());
  CHECK(saved.image.load());
  flash.bytes.assign(flash.bytes.size(), 0xFF);
  CHECK(!saved.image.load());
}

TEST(store_erases_once_what_was_not_written) {
  Flash flash;
  Saved saved(flash);
  saved.fill(1);
  saved.image.start();
  for (int page = 0; page < 2; ++page) {
    CHECK(saved.image.erases());
    saved.image.step();
  }
  saved.fill(2);
  CHECK(saved.write());  // given up and begun anew
  for (uint32_t page = 2; page < 5; ++page) CHECK_EQUAL(flash.wear[page], 1u);
  saved.fill(3);
  saved.image.start();
  while (!saved.image.writes()) saved.image.step();
  saved.fill(4);
  CHECK(saved.write());  // given up behind its first block, which is in the slot's first two pages
  for (uint32_t page = 5; page < 8; ++page) CHECK_EQUAL(flash.wear[page], page < 7 ? 2u : 1u);
  Saved again(flash);
  CHECK(again.image.load());
  CHECK_EQUAL(again.filled(), 4);
}
