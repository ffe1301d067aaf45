#include "peripherals/twi.h"

#include "chip/chip.h"

namespace emulator {
namespace {

constexpr uint32_t kStartReceive = 0x000;
constexpr uint32_t kStartTransmit = 0x008;
constexpr uint32_t kStop = 0x014;
constexpr uint32_t kSuspend = 0x01C;
constexpr uint32_t kResume = 0x020;
constexpr uint32_t kStopped = 0x104;
constexpr uint32_t kByteReceived = 0x108;
constexpr uint32_t kByteSent = 0x11C;
constexpr uint32_t kError = 0x124;
constexpr uint32_t kSuspended = 0x148;
constexpr uint32_t kReceiveStarted = 0x14C;
constexpr uint32_t kTransmitStarted = 0x150;
constexpr uint32_t kLastReceived = 0x15C;
constexpr uint32_t kLastTransmitted = 0x160;
constexpr uint32_t kErrorSource = 0x4C4;
constexpr uint32_t kEnable = 0x500;
constexpr uint32_t kReceivedByte = 0x518;
constexpr uint32_t kByteToSend = 0x51C;
constexpr uint32_t kFrequency = 0x524;
constexpr uint32_t kReceive = 0x534;  // pointer, count, amount
constexpr uint32_t kTransmit = 0x544;
constexpr uint32_t kAddress = 0x588;

constexpr uint32_t kWithDma = 6;
constexpr uint32_t kAddressRefused = 2;
constexpr uint32_t kDataRefused = 4;

// SHORTS without EasyDMA: after each byte; with it: after the last one.
constexpr int kByteSuspends = 0;
constexpr int kByteStops = 1;
constexpr int kTransmittedReceives = 7;
constexpr int kTransmittedSuspends = 8;
constexpr int kTransmittedStops = 9;
constexpr int kReceivedTransmits = 10;
constexpr int kReceivedStops = 12;

}  // namespace

Twi::Twi(Chip& chip, uint32_t base)
    : Peripheral(chip, "TWI", base), alarm_(chip.events, [this] { happen(); }) {}

bool Twi::has_dma() const {
  return reg(kEnable) == kWithDma;
}

Cycles Twi::byte_time() const {
  // FREQUENCY is the bit rate in units of 64 MHz / 2^40 or so: 0x01980000 is 100 kbit/s. Nine bits a byte.
  const uint64_t rate = reg(kFrequency) ? 100'000ull * reg(kFrequency) / 0x01980000 : 100'000;
  return 9 * kCyclesPerSecond / (rate ? rate : 1);
}

void Twi::after(Next next, Cycles bytes) {
  next_ = next;
  alarm_.in(bytes * byte_time());
}

void Twi::start(uint32_t task) {
  switch (task) {
    case kStartReceive: begin(true); break;
    case kStartTransmit: begin(false); break;
    case kStop:
      stop_wanted_ = true;
      if (!alarm_.is_set() || next_ == Next::kReceived) stop();
      break;
    case kSuspend: raise(kSuspended); break;
    case kResume:
      if (!has_dma() && addressed_ && next_ == Next::kNothing && reg(kEnable)) receive_byte();
      break;
    default: break;
  }
}

bool Twi::address(bool reading) {
  addressed_ = nullptr;
  for (TwiDevice* device : devices_) {
    if (device->address() == (reg(kAddress) & 0x7F) && device->start(reading)) addressed_ = device;
  }
  return addressed_ != nullptr;
}

void Twi::begin(bool reading) {
  stop_wanted_ = false;
  if (has_dma()) raise(reading ? kReceiveStarted : kTransmitStarted);
  if (!address(reading)) {
    reg(kErrorSource) |= kAddressRefused;
    after(Next::kRefused, 1);
  } else if (!has_dma()) {
    if (reading) receive_byte();
  } else if (reading) {
    receive_by_dma();
  } else {
    transmit_by_dma();
  }
}

void Twi::transmit_by_dma() {
  const uint32_t count = reg(kTransmit + 4) & 0xFFFF;
  const uint8_t* bytes = chip().memory.ram_bytes(reg(kTransmit), count);
  uint32_t sent = 0;
  while (bytes && sent < count && addressed_->write(bytes[sent])) ++sent;
  reg(kTransmit + 8) = sent;
  if (sent < count) return refuse(kDataRefused);
  after(Next::kTransmitted, 1 + count);
}

void Twi::receive_by_dma() {
  const uint32_t count = reg(kReceive + 4) & 0xFFFF;
  uint8_t* bytes = chip().memory.ram_bytes(reg(kReceive), count);
  for (uint32_t i = 0; bytes && i < count; ++i) bytes[i] = addressed_->read();
  reg(kReceive + 8) = count;
  after(Next::kReceivedAll, 1 + count);
}

void Twi::receive_byte() {
  after(Next::kReceived, 2);
}

void Twi::refuse(uint32_t why) {
  reg(kErrorSource) |= why;
  after(Next::kRefused, 1);
}

void Twi::stop() {
  if (addressed_) addressed_->stop();
  addressed_ = nullptr;
  alarm_.stop();
  after(Next::kStopped, 1);
}

void Twi::happen() {
  const Next happened = next_;
  next_ = Next::kNothing;
  switch (happened) {
    case Next::kNothing: break;
    case Next::kRefused: raise(kError); break;
    case Next::kSent: raise(kByteSent); break;
    case Next::kReceived:
      if (addressed_) reg(kReceivedByte) = addressed_->read();
      raise(kByteReceived);
      if (shortcut(kByteStops)) stop();
      if (shortcut(kByteSuspends)) raise(kSuspended);
      break;
    case Next::kTransmitted:
      raise(kLastTransmitted);
      if (shortcut(kTransmittedReceives)) begin(true);
      if (shortcut(kTransmittedSuspends)) raise(kSuspended);
      if (shortcut(kTransmittedStops)) stop();
      break;
    case Next::kReceivedAll:
      raise(kLastReceived);
      if (shortcut(kReceivedTransmits)) begin(false);
      if (shortcut(kReceivedStops)) stop();
      break;
    case Next::kStopped: raise(kStopped); break;
  }
  if (stop_wanted_ && next_ == Next::kNothing && addressed_) stop();
}

void Twi::on_write(uint32_t offset, uint32_t value) {
  if (offset != kByteToSend || has_dma() || !addressed_) return;
  if (addressed_->write(static_cast<uint8_t>(value))) {
    after(Next::kSent, 1);
  } else {
    refuse(kDataRefused);
  }
}

uint32_t Twi::on_read(uint32_t offset) {
  // Reading the byte lets the next one come, unless the controller is suspended.
  if (offset == kReceivedByte && !has_dma() && addressed_ && next_ == Next::kNothing &&
      !shortcut(kByteSuspends)) {
    receive_byte();
  }
  return reg(offset);
}

void Twi::write(uint32_t offset, uint32_t value) {
  if (offset == kErrorSource) {
    reg(offset) &= ~value;
  } else {
    Peripheral::write(offset, value);
  }
}

void Twi::reset(Reset kind) {
  Peripheral::reset(kind);
  alarm_.stop();
  addressed_ = nullptr;
  next_ = Next::kNothing;
  stop_wanted_ = false;
}

}  // namespace emulator
