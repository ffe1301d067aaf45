// Flash that behaves like flash: writes clear bits and nothing else, and the power may fail at any write, in
// the middle of it, too.
#pragma once
#include <algorithm>
#include <cstring>
#include <random>

#include "bytefed/storage/storage.h"
#include "check.h"

using namespace bytefed;
using check::Bytes;
using check::joined;

constexpr uint32_t kPage = 256, kPages = 40;

struct Flash {
  explicit Flash(uint32_t pages = kPages) : bytes(pages * kPage, 0xFF), wear(pages) {}

  BlockDevice device() { return {this, kPage, static_cast<uint32_t>(wear.size()), read, program, erase}; }
  static bool read(void* context, uint32_t address, void* data, size_t length) {
    Flash* self = static_cast<Flash*>(context);
    CHECK(address % 4 == 0 && length % 4 == 0 && address + length <= self->bytes.size());
    std::memcpy(data, &self->bytes[address], length);
    return self->reads_to_failure-- != 0;
  }
  static bool program(void* context, uint32_t address, const void* data, size_t length) {
    Flash* self = static_cast<Flash*>(context);
    CHECK(address % 4 == 0 && length % 4 == 0 && address + length <= self->bytes.size());
    const size_t done = self->power(length, length / 4);
    const uint8_t* from = static_cast<const uint8_t*>(data);
    for (size_t i = 0; i < done; ++i) self->bytes[address + i] &= from[i];
    return done == length;
  }
  static bool erase(void* context, uint32_t address) {
    Flash* self = static_cast<Flash*>(context);
    CHECK(address % kPage == 0);
    const size_t done = self->power(kPage, 1);
    std::memset(&self->bytes[address], 0xFF, done);
    ++self->wear[address / kPage];
    if (static_cast<int>(address / kPage) == self->worn) self->bytes[address + 40] &= 0xFE;  // a bit is stuck
    return done == kPage;
  }
  // Bytes that the next operation gets done: of the one at which the power fails none, some, or all but the
  // last. It has that many pieces: words, or one page.
  size_t power(size_t length, size_t pieces) {
    ++operations;
    if (pieces_left >= 0) {
      const size_t done = std::min(pieces, static_cast<size_t>(pieces_left));
      pieces_left -= static_cast<int>(done);
      return done == pieces ? length : pieces == 1 ? random() % length : done * 4;
    }
    if (left < 0) return length;
    if (left == 0) return 0;
    return --left == 0 ? random() % length : length;
  }

  Bytes bytes;
  std::vector<unsigned> wear;
  int left = -1;              // operations until the power fails, -1: never
  int pieces_left = -1;       // words to write, or pages to erase, until the power fails, -1: never
  int worn = -1;              // page that no longer erases well
  int reads_to_failure = -1;  // reads that succeed before one fails, -1: none does
  unsigned operations = 0;
  std::mt19937 random{7};
};
