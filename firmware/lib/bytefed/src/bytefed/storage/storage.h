// Keeps an image of memory in flash over a loss of power. An image is written beside the newest one,
// its header last: whichever write is cut short by a power failure, one of the two images is whole. Slots
// take turns, so that pages wear evenly.
#pragma once
#include <cstddef>
#include <cstdint>

#include "bytefed/protocol/crc.h"

namespace bytefed {

// Flash memory, real or imitated. Addresses and lengths are multiples of 4; `data` need not be
// aligned.
struct BlockDevice {
  void* context;
  uint32_t page_size;  // bytes in the unit of erasure
  uint32_t pages;
  bool (*read)(void* context, uint32_t address, void* data, size_t length);
  // Writes to a place that has not been written since its page was erased.
  bool (*program)(void* context, uint32_t address, const void* data, size_t length);
  bool (*erase)(void* context, uint32_t address);  // erases the page that begins at `address`

  // The same without its last pages, which are for somebody else; without any, if there are not more than
  // these.
  BlockDevice without_last(uint32_t count) const {
    BlockDevice before = *this;
    before.pages = pages > count ? pages - count : 0;
    return before;
  }
};

// A piece of memory that belongs to an image.
struct Part {
  void* data;
  size_t length;
};

class Image {
 public:
  enum class Progress : uint8_t { kBusy, kDone, kFailed };

  // Number of pages in a slot for parts of `length` bytes in total.
  static constexpr uint32_t slot_pages(size_t length, uint32_t page_size) {
    return static_cast<uint32_t>((kHeaderBytes + length + page_size - 1) / page_size);
  }

  // `slots` (2 or more) slots from page `first` on. `layout` says what the parts mean: an image of another
  // layout is not ours. `parts` and the memory they name outlive the image.
  Image(const BlockDevice& device, uint32_t first, uint32_t slots, uint32_t layout, const Part* parts,
        size_t count);

  // Finds the newest whole image and copies it to the parts. Returns false and leaves the parts unchanged if
  // there is none; also returns false if the image can't be read a second time, and then the parts may hold a
  // piece of it.
  bool load();

  // Forgets the images that were found, since their pages are about to be erased.
  void forget();

  // Begins to write the parts as they are now; they must not change until `step` has said that it is over,
  // or `start` is called again. Pages that an attempt erased before it was given up need not be erased again.
  void start();
  // Erases one page or writes one block, since each takes long on a chip. An image that is there already is
  // not written again.
  Progress step();
  // Writes the parts as they are now before it returns. Returns false if the flash fails.
  bool write();
  // Whether the next step erases a page: that takes a chip far longer than writing a block.
  bool erases() const { return writing_ && blank_ > 0; }
  // Whether anything has been written since the pages were erased.
  bool writes() const { return writing_ && written_ > 0; }

  uint32_t generation() const { return generation_; }  // number of images written so far

 private:
  struct Header {
    uint32_t magic, layout, generation, length, payload, check;
  };
  static constexpr size_t kHeaderBytes = sizeof(Header);
  static constexpr size_t kBlock = 256;

  bool read_header(uint32_t slot, Header* header) const;
  bool is_whole(uint32_t slot, const Header& header) const;
  uint32_t parts_crc() const;
  // Copies the next `length` bytes from `at` on out of the parts, or into them.
  void copy(size_t at, uint8_t* block, size_t length, bool into_parts) const;
  Progress write_block();
  Progress write_header();
  Progress fail();
  bool put(uint32_t address, const void* data, size_t length) const;
  uint32_t slot_after(uint32_t slot) const;
  void aim(uint32_t slot);
  uint32_t address(uint32_t slot) const { return (first_ + slot * pages_) * device_.page_size; }

  BlockDevice device_;
  uint32_t first_, slots_, layout_;
  const Part* parts_;
  size_t count_, length_ = 0;
  uint32_t pages_;  // a slot

  bool found_ = false;  // a whole image
  uint32_t newest_ = 0, generation_ = 0, saved_crc_ = 0;

  bool writing_ = false, failed_ = false;
  uint32_t target_ = 0;  // slot that is written, or will be next
  uint32_t blank_ = 0;   // that slot's pages from this one on are erased
  size_t written_ = 0;   // bytes
  uint32_t crc_ = 0;     // of the parts at start()
};

}  // namespace bytefed
