#include "bytefed/storage/storage.h"

#include <cstring>

namespace bytefed {
namespace {

constexpr uint32_t kMagic = 0x31464242u;  // "BBF1": the format of headers

}  // namespace

Image::Image(const BlockDevice& device, uint32_t first, uint32_t slots, uint32_t layout, const Part* parts,
             size_t count)
    : device_(device), first_(first), slots_(slots), layout_(layout), parts_(parts), count_(count) {
  for (size_t i = 0; i < count; ++i) length_ += parts[i].length;
  pages_ = slot_pages(length_, device.page_size);
  blank_ = pages_;
}

bool Image::load() {
  Header newest = {};
  found_ = false;
  for (uint32_t slot = 0; slot < slots_; ++slot) {
    Header header;
    // Flash is worn out long before generations wrap around.
    if (!read_header(slot, &header) || header.generation <= newest.generation) continue;
    if (!is_whole(slot, header)) continue;
    newest = header;
    newest_ = slot;
    found_ = true;
  }
  if (!found_) return false;
  aim(slot_after(newest_));
  generation_ = newest.generation;
  saved_crc_ = newest.payload;
  uint8_t block[kBlock];
  for (size_t at = 0; at < length_; at += kBlock) {
    const size_t length = length_ - at < kBlock ? length_ - at : kBlock;
    if (!device_.read(device_.context, address(newest_) + static_cast<uint32_t>(kHeaderBytes + at), block,
                      (length + 3) / 4 * 4)) {
      return false;  // it could be read a moment ago
    }
    copy(at, block, length, true);
  }
  return true;
}

void Image::forget() {
  found_ = writing_ = failed_ = false;
  aim(0);
}

bool Image::read_header(uint32_t slot, Header* header) const {
  return device_.read(device_.context, address(slot), header, kHeaderBytes) && header->magic == kMagic &&
         header->layout == layout_ && header->length == length_ &&
         header->check == crc32(header, offsetof(Header, check));
}

bool Image::is_whole(uint32_t slot, const Header& header) const {
  Crc32 crc;
  uint8_t block[kBlock];
  for (size_t at = 0; at < length_; at += kBlock) {
    const size_t length = length_ - at < kBlock ? length_ - at : kBlock;
    if (!device_.read(device_.context, address(slot) + static_cast<uint32_t>(kHeaderBytes + at), block,
                      (length + 3) / 4 * 4)) {
      return false;
    }
    crc.add(block, length);
  }
  return crc.value() == header.payload;
}

uint32_t Image::parts_crc() const {
  Crc32 crc;
  for (size_t i = 0; i < count_; ++i) crc.add(parts_[i].data, parts_[i].length);
  return crc.value();
}

void Image::copy(size_t at, uint8_t* block, size_t length, bool into_parts) const {
  size_t start = 0;  // of a part within the image
  for (size_t i = 0; i < count_ && length > 0; ++i) {
    const size_t end = start + parts_[i].length;
    if (at < end) {
      const size_t take = length < end - at ? length : end - at;
      uint8_t* part = static_cast<uint8_t*>(parts_[i].data) + (at - start);
      std::memcpy(into_parts ? part : block, into_parts ? block : part, take);
      at += take;
      block += take;
      length -= take;
    }
    start = end;
  }
}

void Image::start() {
  crc_ = parts_crc();
  writing_ = !(found_ && crc_ == saved_crc_);
  failed_ = false;
  if (written_ == 0) return;
  const size_t used = kHeaderBytes + written_ + device_.page_size - 1;
  blank_ = static_cast<uint32_t>(used / device_.page_size);
  written_ = 0;
}

Image::Progress Image::step() {
  if (!writing_) return failed_ ? Progress::kFailed : Progress::kDone;
  if (blank_ > 0) {
    const uint32_t page = address(target_) + (blank_ - 1) * device_.page_size;
    if (!device_.erase(device_.context, page)) return fail();
    --blank_;
    return Progress::kBusy;
  }
  return written_ < length_ ? write_block() : write_header();
}

bool Image::write() {
  start();
  Progress progress;
  do {
    progress = step();
  } while (progress == Progress::kBusy);
  return progress == Progress::kDone;
}

Image::Progress Image::write_block() {
  uint8_t block[kBlock] = {};
  const size_t length = length_ - written_ < kBlock ? length_ - written_ : kBlock;
  copy(written_, block, length, false);
  const uint32_t at = address(target_) + static_cast<uint32_t>(kHeaderBytes + written_);
  if (!put(at, block, (length + 3) / 4 * 4)) return fail();
  written_ += length;
  return Progress::kBusy;
}

Image::Progress Image::write_header() {
  Header header = {kMagic, layout_, generation_ + 1, static_cast<uint32_t>(length_), crc_, 0};
  header.check = crc32(&header, offsetof(Header, check));
  if (!put(address(target_), &header, kHeaderBytes)) return fail();
  writing_ = false;
  found_ = true;
  newest_ = target_;
  aim(slot_after(newest_));
  ++generation_;
  saved_crc_ = crc_;
  return Progress::kDone;
}

// A slot that can't be written is passed over the next time.
Image::Progress Image::fail() {
  writing_ = false;
  failed_ = true;
  aim(slot_after(target_));
  return Progress::kFailed;
}

// The next one in turn, but never the newest image.
uint32_t Image::slot_after(uint32_t slot) const {
  const uint32_t next = (slot + 1) % slots_;
  return found_ && next == newest_ ? (next + 1) % slots_ : next;
}

// Makes a slot, of whose pages nothing is known, the next to be written.
void Image::aim(uint32_t slot) {
  target_ = slot;
  blank_ = pages_;
  written_ = 0;
}

// Writes and reads back: a worn page shows at once.
bool Image::put(uint32_t address, const void* data, size_t length) const {
  uint8_t back[kBlock];
  return device_.program(device_.context, address, data, length) &&
         device_.read(device_.context, address, back, length) && std::memcmp(back, data, length) == 0;
}

}  // namespace bytefed
