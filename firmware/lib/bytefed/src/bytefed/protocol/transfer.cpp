#include "bytefed/protocol/transfer.h"

#include <cstring>

namespace bytefed {

void ChunkReceiver::start(uint8_t* memory, const ChunkPlan& plan) {
  memory_ = memory;
  plan_ = plan;
  first_missing_ = 0;
  arrived_ = 0;
}

bool ChunkReceiver::receive(uint16_t index, const uint8_t* data, size_t length) {
  const uint16_t start = plan_.window_start(first_missing_);
  if (complete() || index < start || index >= start + plan_.window || index >= plan_.count()) {
    return false;
  }
  if (length != plan_.size_of(index)) return false;
  std::memcpy(memory_ + index * plan_.chunk, data, length);
  arrived_ |= 1u << (index - start);
  advance();
  return true;
}

void ChunkReceiver::advance() {
  const uint16_t start = plan_.window_start(first_missing_);
  while (first_missing_ < plan_.count() && first_missing_ < start + plan_.window &&
         (arrived_ >> (first_missing_ - start) & 1u)) {
    ++first_missing_;
  }
  if (first_missing_ == start + plan_.window) arrived_ = 0;
}

size_t ChunkReceiver::pack_ack(uint8_t transfer, uint8_t* frame) const {
  pack(DataHeader{transfer, false, first_missing_}, frame);
  const unsigned have = first_missing_ - plan_.window_start(first_missing_);
  if (complete() || (arrived_ >> have) == 0) return kHeaderSize;
  const size_t bitmap = (plan_.window + 7u) / 8u;
  std::memcpy(frame + kHeaderSize, &arrived_, bitmap);
  return kHeaderSize + bitmap;
}

void ChunkSender::start(const uint8_t* memory, const ChunkPlan& plan) {
  memory_ = memory;
  plan_ = plan;
  pending_ = 0;
}

void ChunkSender::request(uint16_t first, const uint8_t* bitmap, size_t bitmap_length) {
  if (first >= plan_.count()) return;
  start_ = plan_.window_start(first);
  const unsigned left = plan_.count() - start_;
  const unsigned chunks = left < plan_.window ? left : plan_.window;
  const uint32_t all = chunks == 32 ? 0xFFFFFFFFu : (1u << chunks) - 1u;
  uint32_t arrived = (1u << (first - start_)) - 1u;
  for (size_t i = 0; i < bitmap_length && i < kMaxWindow / 8; ++i) {
    arrived |= static_cast<uint32_t>(bitmap[i]) << (8 * i);
  }
  pending_ = all & ~arrived;
}

size_t ChunkSender::pack_next(uint8_t transfer, uint8_t* frame) const {
  unsigned bit = 0;
  while ((pending_ >> bit & 1u) == 0) ++bit;
  const uint16_t index = static_cast<uint16_t>(start_ + bit);
  const bool last = (pending_ & (pending_ - 1)) == 0;
  pack(DataHeader{transfer, last, index}, frame);
  const size_t length = plan_.size_of(index);
  std::memcpy(frame + kHeaderSize, memory_ + index * plan_.chunk, length);
  return kHeaderSize + length;
}

}  // namespace bytefed
