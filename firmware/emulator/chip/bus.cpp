#include "chip/bus.h"

namespace emulator {
namespace {

size_t page_of(uint32_t address) {
  return (address >> 12 & 0xFF) | (address >= 0x50000000 ? 0x100 : 0);
}

uint32_t mask_of(unsigned size) {
  return size == 4 ? ~0u : (1u << 8 * size) - 1;
}

}  // namespace

void Bus::add(Peripheral& peripheral) {
  pages_[page_of(peripheral.base())] = &peripheral;
}

Peripheral* Bus::find(uint32_t address) const {
  Peripheral* there = pages_[page_of(address)];
  return there && there->base() == (address & ~0xFFFu) ? there : nullptr;
}

void Bus::unknown(uint32_t address) {
  if (unknown_.insert(address & ~3u).second && on_unknown_) on_unknown_(address);
}

uint32_t Bus::read(uint32_t address, unsigned size) {
  Peripheral* there = find(address);
  if (!there) {
    unknown(address);
    return 0;
  }
  return there->read(address & 0xFFC) >> 8 * (address & 3) & mask_of(size);
}

void Bus::write(uint32_t address, unsigned size, uint32_t value) {
  Peripheral* there = find(address);
  if (!there) return unknown(address);
  if (size < 4) {  // the rest of the word stays as it was
    const unsigned shift = 8 * (address & 3);
    const uint32_t mask = mask_of(size) << shift;
    value = (there->read(address & 0xFFC) & ~mask) | (value << shift & mask);
  }
  there->write(address & 0xFFC, value);
}

void Bus::trigger(uint32_t task_address) {
  if (Peripheral* there = find(task_address)) there->start(task_address & 0xFFC);
}

void Bus::reset(Reset kind) {
  for (Peripheral* peripheral : pages_) {
    if (peripheral) peripheral->reset(kind);
  }
}

}  // namespace emulator
