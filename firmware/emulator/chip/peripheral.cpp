#include "chip/peripheral.h"

#include "chip/chip.h"

namespace emulator {
namespace {

constexpr uint32_t kEvents = 0x100;
constexpr uint32_t kShorts = 0x200;
constexpr uint32_t kInten = 0x300;
constexpr uint32_t kIntenSet = 0x304;
constexpr uint32_t kIntenClear = 0x308;

}  // namespace

Peripheral::Peripheral(Chip& chip, const char* name, uint32_t base)
    : chip_(chip), events_(chip.events), name_(name), base_(base) {
  chip.bus.add(*this);
}

uint32_t Peripheral::read(uint32_t offset) {
  if (offset == kInten || offset == kIntenSet || offset == kIntenClear) return interrupts_;
  return on_read(offset);
}

void Peripheral::write(uint32_t offset, uint32_t value) {
  if (offset < kEvents) {
    if (value) start(offset);
    return;
  }
  if (offset < kShorts) {
    reg(offset) = value ? 1 : 0;
    update_line();
    return;
  }
  switch (offset) {
    case kInten: interrupts_ = value; break;
    case kIntenSet: interrupts_ |= value; break;
    case kIntenClear: interrupts_ &= ~value; break;
    default: reg(offset) = value;
  }
  on_write(offset, value);
  if (offset >= kInten && offset <= kIntenClear) update_line();
}

void Peripheral::start(uint32_t) {}

void Peripheral::on_write(uint32_t, uint32_t) {}

uint32_t Peripheral::on_read(uint32_t offset) {
  return reg(offset);
}

void Peripheral::reset(Reset) {
  registers_.fill(0);
  interrupts_ = 0;
}

void Peripheral::raise(uint32_t event) {
  reg(event) = 1;
  update_line();
  chip_.bus.publish(base_ + event);
}

void Peripheral::update_line() {
  bool high = false;
  for (uint32_t bits = interrupts_; bits && !high; bits &= bits - 1) {
    high = registers_[kEvents / 4 + static_cast<uint32_t>(__builtin_ctz(bits))] != 0;
  }
  chip_.nvic.set_line(static_cast<int>(base_ >> 12 & 0x3F), high);
}

}  // namespace emulator
