#include "peripherals/nvmc.h"

#include <cstring>

#include "chip/chip.h"

namespace emulator {
namespace {

constexpr uint32_t kReady = 0x400;
constexpr uint32_t kReadyNext = 0x408;
constexpr uint32_t kConfig = 0x504;
constexpr uint32_t kErasePage = 0x508;
constexpr uint32_t kEraseAll = 0x50C;
constexpr uint32_t kEraseUicr = 0x514;
constexpr uint32_t kErasePartial = 0x518;
constexpr uint32_t kPartialTime = 0x51C;
constexpr uint32_t kWriteEnabled = 1;
constexpr uint32_t kEraseEnabled = 2;

constexpr Cycles kEraseTime = milliseconds(85);
constexpr Cycles kWordTime = microseconds(41);

}  // namespace

Nvmc::Nvmc(Chip& chip) : Peripheral(chip, "NVMC", 0x4001E000) {
  chip.cpu.set_flash(this);
}

void Nvmc::reset(Reset kind) {
  Peripheral::reset(kind);
  reg(kPartialTime) = 10;
}

uint32_t Nvmc::on_read(uint32_t offset) {
  return offset == kReady || offset == kReadyNext ? 1 : reg(offset);
}

void Nvmc::on_write(uint32_t offset, uint32_t value) {
  if (reg(kConfig) != kEraseEnabled) return;
  Memory& memory = chip().memory;
  if ((offset == kErasePage || offset == kErasePartial) && value < kFlashSize) {
    const uint32_t page = value & ~(kPageSize - 1);
    erase(memory.flash() + page, page);
  } else if (offset == kEraseUicr && value == 1) {
    erase(memory.uicr(), kUicrBase);
  } else if (offset == kEraseAll && value == 1) {
    for (uint32_t page = 0; page < kFlashSize; page += kPageSize)
      memset(memory.flash() + page, 0xFF, kPageSize);
    erase(memory.uicr(), kUicrBase);
    chip().cpu.forget_code(0, kFlashSize);
  }
}

void Nvmc::erase(uint8_t* bytes, uint32_t address) {
  ++erases_;
  events().stall(kEraseTime);
  if (loses_power()) {
    // An erase that was cut short leaves any mixture of ones and what was there.
    for (uint32_t i = 0; i < kPageSize; ++i) bytes[i] |= static_cast<uint8_t>(chip().noise()());
  } else {
    memset(bytes, 0xFF, kPageSize);
  }
  if (address < kFlashSize) chip().cpu.forget_code(address, kPageSize);
}

void Nvmc::write_flash(uint32_t address, unsigned size, uint32_t value) {
  if (reg(kConfig) != kWriteEnabled) {
    chip().note("a write to flash at %08x that was not enabled", address);
    return;
  }
  Memory& memory = chip().memory;
  uint8_t* bytes = address < kFlashSize ? memory.flash() + address : memory.uicr() + (address - kUicrBase);
  ++words_;
  events().stall(kWordTime);
  // A word that was cut short has cleared any part of its bits.
  if (loses_power()) value |= static_cast<uint32_t>(chip().noise()());
  for (unsigned i = 0; i < size; ++i) bytes[i] &= static_cast<uint8_t>(value >> 8 * i);
}

bool Nvmc::loses_power() {
  if (operations_left_ == 0 || --operations_left_ > 0) return false;
  chip().note("power is cut in the middle of a write to flash");
  chip().request_reset(Reset::kPowerOn);
  return true;
}

}  // namespace emulator
