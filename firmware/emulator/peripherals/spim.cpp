// SPIM2 and SPIM3: what is sent goes nowhere, and ones are received.
// nRF52840 Product Specification, "SPIM - Serial peripheral interface master with EasyDMA".
#include <algorithm>
#include <cstring>

#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStart = 0x010;
constexpr uint32_t kStop = 0x014;
constexpr uint32_t kStopped = 0x104;
constexpr uint32_t kEndReceive = 0x110;
constexpr uint32_t kEnd = 0x118;
constexpr uint32_t kEndTransmit = 0x120;
constexpr uint32_t kStarted = 0x14C;
constexpr uint32_t kReceive = 0x534;  // pointer, count, amount
constexpr uint32_t kTransmit = 0x544;

class Spim : public Peripheral {
 public:
  Spim(Chip& chip, uint32_t base) : Peripheral(chip, "SPIM", base), alarm_(chip.events, [this] { end(); }) {}

  void start(uint32_t task) override {
    if (task == kStop) raise(kStopped);
    if (task != kStart) return;
    const uint32_t bytes = std::max(reg(kReceive + 4), reg(kTransmit + 4)) & 0xFFFF;
    alarm_.in(microseconds(1 + bytes));  // 8 Mbit/s
    raise(kStarted);
  }

  void reset(Reset kind) override {
    Peripheral::reset(kind);
    alarm_.stop();
  }

 private:
  void end() {
    const uint32_t count = reg(kReceive + 4) & 0xFFFF;
    if (uint8_t* buffer = chip().memory.ram_bytes(reg(kReceive), count)) memset(buffer, 0xFF, count);
    reg(kReceive + 8) = count;
    reg(kTransmit + 8) = reg(kTransmit + 4);
    raise(kEndReceive);
    raise(kEndTransmit);
    raise(kEnd);
  }

  Alarm alarm_;
};

}  // namespace

void fit_spim(Chip& chip, uint32_t base) {
  chip.fit<Spim>(base);
}

}  // namespace emulator
