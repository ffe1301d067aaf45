#include "peripherals/gpio.h"

namespace emulator {
namespace {

constexpr uint32_t kSecondPort = 0x800;  // P1's registers are 0x300 above P0's
constexpr uint32_t kOut = 0x504;
constexpr uint32_t kOutSet = 0x508;
constexpr uint32_t kOutClear = 0x50C;
constexpr uint32_t kIn = 0x510;
constexpr uint32_t kDirection = 0x514;
constexpr uint32_t kDirectionSet = 0x518;
constexpr uint32_t kDirectionClear = 0x51C;

}  // namespace

Gpio::Gpio(Chip& chip) : Peripheral(chip, "GPIO", 0x50000000) {}

void Gpio::set_input(int pin, bool high) {
  uint32_t& in = ports_[pin / 32].in;
  in = high ? in | 1u << pin % 32 : in & ~(1u << pin % 32);
}

uint32_t Gpio::read(uint32_t offset) {
  const bool second = offset >= kSecondPort;
  const Port& port = ports_[second];
  switch (second ? offset - 0x300 : offset) {
    case kOut:
    case kOutSet:
    case kOutClear: return port.out;
    case kIn: return (port.out & port.direction) | (port.in & ~port.direction);
    case kDirection:
    case kDirectionSet:
    case kDirectionClear: return port.direction;
    default: return reg(offset);
  }
}

void Gpio::write(uint32_t offset, uint32_t value) {
  const bool second = offset >= kSecondPort;
  Port& port = ports_[second];
  switch (second ? offset - 0x300 : offset) {
    case kOut: port.out = value; break;
    case kOutSet: port.out |= value; break;
    case kOutClear: port.out &= ~value; break;
    case kDirection: port.direction = value; break;
    case kDirectionSet: port.direction |= value; break;
    case kDirectionClear: port.direction &= ~value; break;
    default: reg(offset) = value;
  }
}

void Gpio::reset(Reset kind) {
  Peripheral::reset(kind);
  for (Port& port : ports_) port.out = port.direction = 0;
}

}  // namespace emulator
