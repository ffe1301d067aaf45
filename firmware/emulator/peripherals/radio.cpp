#include "peripherals/radio.h"

#include "chip/chip.h"

namespace emulator {
namespace {

constexpr uint32_t kTxEnable = 0x000;
constexpr uint32_t kRxEnable = 0x004;
constexpr uint32_t kStart = 0x008;
constexpr uint32_t kStop = 0x00C;
constexpr uint32_t kDisable = 0x010;
constexpr uint32_t kRssiStart = 0x014;
constexpr uint32_t kReady = 0x100;
constexpr uint32_t kAddress = 0x104;
constexpr uint32_t kPayload = 0x108;
constexpr uint32_t kEnd = 0x10C;
constexpr uint32_t kDisabledEvent = 0x110;
constexpr uint32_t kRssiEnd = 0x11C;
constexpr uint32_t kTxReady = 0x154;
constexpr uint32_t kRxReady = 0x158;
constexpr uint32_t kPhyEnd = 0x16C;
constexpr uint32_t kPacketPointer = 0x504;
constexpr uint32_t kStateRegister = 0x550;
constexpr uint32_t kModeConfig = 0x650;

// SHORTS
constexpr int kReadyStarts = 0;
constexpr int kEndDisables = 1;
constexpr int kDisabledTxEnables = 2;
constexpr int kDisabledRxEnables = 3;

}  // namespace

Radio::Radio(Chip& chip)
    : Peripheral(chip, "RADIO", 0x40001000), alarm_(chip.events, [this] { proceed(); }) {}

Cycles Radio::ramp_up() const {
  return microseconds(reg(kModeConfig) & 1 ? 40 : 140);
}

void Radio::start(uint32_t task) {
  switch (task) {
    case kTxEnable:
      state_ = kTxRampUp;
      alarm_.in(ramp_up());
      break;
    case kRxEnable:
      state_ = kRxRampUp;
      alarm_.in(ramp_up());
      break;
    case kStart:
      if (state_ == kTxIdle) transmit();
      if (state_ == kRxIdle) state_ = kRx;
      break;
    case kStop:
      alarm_.stop();
      if (state_ == kRx) state_ = kRxIdle;
      if (state_ == kTx) state_ = kTxIdle;
      break;
    case kDisable: disable(); break;
    case kRssiStart: raise(kRssiEnd); break;
    default: break;
  }
}

void Radio::disable() {
  // DISABLED is raised in every case: the SoftDevice asserts it. Cordio polls STATE only ten times.
  alarm_.stop();
  if (state_ >= kTxRampUp) {
    state_ = kTxDisable;
    alarm_.in(microseconds(6));
  } else {
    disabled();
  }
}

void Radio::transmit() {
  state_ = kTx;
  ++sent_;
  const uint8_t* packet = chip().memory.ram_bytes(reg(kPacketPointer), 2);
  const uint32_t length = packet ? packet[1] : 0;
  raise(kAddress);
  alarm_.in(microseconds(8 * (length + 9)));
}

void Radio::proceed() {
  switch (state_) {
    case kTxRampUp:
      state_ = kTxIdle;
      raise(kReady);
      raise(kTxReady);
      if (shortcut(kReadyStarts)) start(kStart);
      break;
    case kRxRampUp:
      state_ = kRxIdle;
      raise(kReady);
      raise(kRxReady);
      if (shortcut(kReadyStarts)) start(kStart);
      break;
    case kTx:
      state_ = kTxIdle;
      raise(kPayload);
      raise(kEnd);
      raise(kPhyEnd);
      if (shortcut(kEndDisables)) disable();
      break;
    case kTxDisable: disabled(); break;
    default: break;
  }
}

void Radio::disabled() {
  state_ = kDisabled;
  raise(kDisabledEvent);
  if (shortcut(kDisabledTxEnables)) start(kTxEnable);
  if (shortcut(kDisabledRxEnables)) start(kRxEnable);
}

uint32_t Radio::on_read(uint32_t offset) {
  return offset == kStateRegister ? uint32_t{state_} : reg(offset);
}

void Radio::reset(Reset kind) {
  Peripheral::reset(kind);
  alarm_.stop();
  state_ = kDisabled;
}

}  // namespace emulator
