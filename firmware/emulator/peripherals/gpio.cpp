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
constexpr uint32_t kLatch = 0x520;
constexpr uint32_t kConfiguration = 0x700;  // of pin 0

// PIN_CNF
constexpr uint32_t kIsOutput = 1;
constexpr uint32_t kInputOff = 2;
constexpr uint32_t kPull = 3u << 2;
constexpr uint32_t kPullDown = 1u << 2;
constexpr uint32_t kSense = 3u << 16;
constexpr uint32_t kSenseHigh = 2u << 16;
constexpr uint32_t kSenseLow = 3u << 16;

constexpr int pins_of(int port) {
  return port == 0 ? 32 : 16;
}

}  // namespace

Gpio::Gpio(Chip& chip) : Peripheral(chip, "GPIO", 0x50000000) {}

void Gpio::listen(std::function<void(int, bool)> on_change, std::function<void()> on_detect) {
  on_change_ = std::move(on_change);
  on_detect_ = std::move(on_detect);
}

void Gpio::set_input(int pin, bool high) {
  pins_[static_cast<size_t>(pin)].outside = high;
  settle();
}

void Gpio::release_input(int pin) {
  pins_[static_cast<size_t>(pin)].outside.reset();
  settle();
}

void Gpio::drive(int pin, std::optional<bool> high) {
  pins_[static_cast<size_t>(pin)].driven = high;
  settle();
}

// A pin that nobody drives is pulled by a resistor: its own, or the one that boards have at their buttons and
// buses.
bool Gpio::level(int pin) const {
  const Pin& it = pins_[static_cast<size_t>(pin)];
  if (it.configuration & kInputOff) return false;
  if (it.driven) return *it.driven;
  if (it.configuration & kIsOutput) return it.out;
  if (it.outside) return *it.outside;
  return (it.configuration & kPull) != kPullDown;
}

bool Gpio::senses(int pin) const {
  const uint32_t sense = pins_[static_cast<size_t>(pin)].configuration & kSense;
  return (sense == kSenseHigh && level(pin)) || (sense == kSenseLow && !level(pin));
}

void Gpio::settle() {
  bool detected = false;
  for (int pin = 0; pin < kPins; ++pin) {
    Pin& it = pins_[static_cast<size_t>(pin)];
    const bool high = level(pin);
    if (high != it.heard) {
      it.heard = high;
      if (on_change_) on_change_(pin, high);
    }
    if (!senses(pin)) continue;
    detected = it.latched = true;
  }
  const bool rises = detected && !detected_;
  detected_ = detected;
  if (rises && on_detect_) on_detect_();
}

uint32_t Gpio::gather(int port, bool (*of)(const Pin&)) const {
  uint32_t word = 0;
  for (int i = 0; i < pins_of(port); ++i)
    word |= uint32_t{of(pins_[static_cast<size_t>(32 * port + i)])} << i;
  return word;
}

uint32_t Gpio::levels(int port) const {
  uint32_t word = 0;
  for (int i = 0; i < pins_of(port); ++i) word |= uint32_t{level(32 * port + i)} << i;
  return word;
}

uint32_t Gpio::read(uint32_t offset) {
  const int port = offset >= kSecondPort;
  const uint32_t place = port ? offset - 0x300 : offset;
  if (place >= kConfiguration && place < kConfiguration + 4 * static_cast<uint32_t>(pins_of(port))) {
    return pins_[32 * static_cast<size_t>(port) + (place - kConfiguration) / 4].configuration;
  }
  switch (place) {
    case kOut:
    case kOutSet:
    case kOutClear: return gather(port, [](const Pin& pin) { return pin.out; });
    case kIn: return levels(port);
    case kDirection:
    case kDirectionSet:
    case kDirectionClear:
      return gather(port, [](const Pin& pin) { return (pin.configuration & kIsOutput) != 0; });
    case kLatch: return gather(port, [](const Pin& pin) { return pin.latched; });
    default: return reg(offset);
  }
}

void Gpio::change(int port, uint32_t mask, void (*how)(Pin&, bool), uint32_t value) {
  for (int i = 0; i < pins_of(port); ++i) {
    if (mask >> i & 1) how(pins_[static_cast<size_t>(32 * port + i)], value >> i & 1);
  }
}

bool Gpio::write_port(int port, uint32_t offset, uint32_t value) {
  const auto set_out = [](Pin& pin, bool on) { pin.out = on; };
  const auto set_direction = [](Pin& pin, bool on) {
    pin.configuration = (pin.configuration & ~kIsOutput) | (on ? kIsOutput : 0);
  };
  switch (offset) {
    case kOut: change(port, ~0u, set_out, value); break;
    case kOutSet: change(port, value, set_out, ~0u); break;
    case kOutClear: change(port, value, set_out, 0); break;
    case kDirection: change(port, ~0u, set_direction, value); break;
    case kDirectionSet: change(port, value, set_direction, ~0u); break;
    case kDirectionClear: change(port, value, set_direction, 0); break;
    case kLatch: change(port, value, [](Pin& pin, bool) { pin.latched = false; }, 0); break;
    default: return false;
  }
  return true;
}

void Gpio::write(uint32_t offset, uint32_t value) {
  const int port = offset >= kSecondPort;
  const uint32_t place = port ? offset - 0x300 : offset;
  if (place >= kConfiguration && place < kConfiguration + 4 * static_cast<uint32_t>(pins_of(port))) {
    pins_[32 * static_cast<size_t>(port) + (place - kConfiguration) / 4].configuration = value;
  } else if (!write_port(port, place, value)) {
    reg(offset) = value;
    return;
  }
  settle();
}

void Gpio::reset(Reset kind) {
  Peripheral::reset(kind);
  for (Pin& pin : pins_) {
    const std::optional<bool> outside = pin.outside;
    pin = Pin();
    pin.outside = outside;
  }
  detected_ = false;
}

}  // namespace emulator
