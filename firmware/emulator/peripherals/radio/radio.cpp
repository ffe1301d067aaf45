#include "peripherals/radio/radio.h"

#include <algorithm>
#include <utility>

#include "chip/chip.h"
#include "peripherals/radio/registers.h"

namespace emulator {

using namespace radio;

namespace {

constexpr uint32_t kBase = 0x40001000;

// 6.20.15.8 "Radio timing parameters".
constexpr Cycles kRampUp = microseconds(140);
constexpr Cycles kFastRampUp = microseconds(40);
constexpr Cycles kDisableTransmitter1M = microseconds(6);
constexpr Cycles kDisableTransmitter2M = microseconds(4);
constexpr Cycles kTransmitDelay = microseconds(6) / 10;  // from the digital part to the antenna
constexpr Cycles kReceiveDelay1M = microseconds(94) / 10;
constexpr Cycles kReceiveDelay2M = microseconds(5);
constexpr Cycles kSignalStrengthTime = microseconds(15);
// With TIFS a receiver is ready a little before the packet that it waits for can begin.
constexpr Cycles kReceiveEarly = microseconds(2);

constexpr uint32_t kWhiteningAlwaysSet = 0x40;  // a bit of DATAWHITEIV

}  // namespace

Radio::Radio(Chip& chip) : Peripheral(chip, "RADIO", kBase), alarm_(chip.events, [this] { due(); }) {}

void Radio::join(Air& air) {
  air_ = &air;
  place_ = air.join(*this);
}

Cycles Radio::silent_until(Cycles from) const {
  // A packet becomes visible elsewhere only when its address is over, which takes at least this long (LE 2M).
  constexpr Cycles kFirstSign = microseconds(48) / 2 + kReceiveDelay2M;
  switch (state_) {
    case kTxIdle:
    case kTx: return from + kFirstSign;
    case kTxRampUp: return std::max(from, ready_at_) + kFirstSign;
    default: return from + kFastRampUp + kFirstSign;
  }
}

void Radio::reset(Reset kind) {
  Peripheral::reset(kind);
  power_off();
}

void Radio::power_off() {
  reg(kPower) = 1;
  state_ = kDisabled;
  current_.reset();
  agenda_.clear();
  heard_.clear();
  bits_from_ = kNever;
  alarm_.stop();
}

uint32_t Radio::on_read(uint32_t offset) {
  if (offset == kWhiteningStart) return reg(offset) | kWhiteningAlwaysSet;
  return offset == kState ? state_ : reg(offset);
}

void Radio::on_write(uint32_t offset, uint32_t value) {
  if (offset == kBitCounterCompare) schedule_bit_count();
  if (offset == kPower && !(value & 1)) {
    Peripheral::reset(Reset::kSoftware);
    power_off();
    reg(kPower) = 0;
  }
}

void Radio::start(uint32_t task) {
  switch (task) {
    case kTxEnable: return state_ == kDisabled ? ramp_up(kTxRampUp, false) : void();
    case kRxEnable: return state_ == kDisabled ? ramp_up(kRxRampUp, false) : void();
    case kStart: return begin();
    case kStop: return stop();
    case kDisable: return disable();
    case kRssiStart: return do_at(now() + kSignalStrengthTime, Step::kSignalStrength);
    case kRssiStop: return forget(Step::kSignalStrength);
    case kBitCounterStart: bits_from_ = now(); return schedule_bit_count();
    case kBitCounterStop: bits_from_ = kNever; return forget(Step::kBitCount);
    default: return;  // the tasks of IEEE 802.15.4
  }
}

// ---- The agenda

void Radio::do_at(Cycles when, Step step) {
  agenda_.emplace(when, step);
  set_alarm();
}

void Radio::forget(Step step) {
  for (auto each = agenda_.begin(); each != agenda_.end();) {
    each = each->second == step ? agenda_.erase(each) : std::next(each);
  }
}

void Radio::set_alarm() {
  const Cycles step = agenda_.empty() ? kNever : agenda_.begin()->first;
  const Cycles packet = heard_.empty() ? kNever : heard_.begin()->first;
  const Cycles next = std::min(step, packet);
  next == kNever ? alarm_.stop() : alarm_.at(next);
}

void Radio::due() {
  if (!heard_.empty() && heard_.begin()->first <= now()) {
    const Heard heard = heard_.begin()->second;
    heard_.erase(heard_.begin());
    synchronise(heard);
  } else if (!agenda_.empty() && agenda_.begin()->first <= now()) {
    const Step step = agenda_.begin()->second;
    agenda_.erase(agenda_.begin());
    carry_out(step);
  }
  set_alarm();
}

void Radio::carry_out(Step step) {
  switch (step) {
    case Step::kReady: return ready();
    case Step::kDisabled: return disabled();
    case Step::kAddress: return address();
    case Step::kDeviceAddress: return match_device();
    case Step::kPayload: return payload();
    case Step::kEnd: return state_ == kTx ? transmitted() : received();
    case Step::kBitCount: return count_bits();
    case Step::kSignalStrength: return raise(kEventRssiEnd);
  }
}

// ---- States

void Radio::ramp_up(State state, bool by_shortcut) {
  state_ = state;
  const bool transmits = state == kTxRampUp;
  ready_at_ = now() + (reg(kModeConfiguration) & 1 ? kFastRampUp : kRampUp);
  if (by_shortcut && reg(kInterFrameSpace)) {
    const Cycles begins = last_end_ + microseconds(reg(kInterFrameSpace) & 0x3FF);
    ready_at_ = std::max(ready_at_, begins - (transmits ? kTransmitDelay : kReceiveEarly));
  }
  do_at(ready_at_, Step::kReady);
}

void Radio::ready() {
  const bool transmits = state_ == kTxRampUp;
  state_ = transmits ? kTxIdle : kRxIdle;
  raise(kEventReady);
  raise(transmits ? kEventTxReady : kEventRxReady);
  const bool starts = shortcut(kReadyStart) || shortcut(transmits ? kTxReadyStart : kRxReadyStart);
  if (starts && (state_ == kTxIdle || state_ == kRxIdle)) begin();
}

void Radio::begin() {
  packet_pointer_ = reg(kPacketPointer);
  if (state_ == kTxIdle) return transmit();
  if (state_ != kRxIdle) return;
  state_ = kRx;
  listening_since_ = now();
}

void Radio::stop() {
  if (state_ == kRx) state_ = kRxIdle;
  if (state_ == kTx) state_ = kTxIdle;
  forget_transfer();
}

void Radio::forget_transfer() {
  current_.reset();
  bits_from_ = kNever;
  for (const Step step : {Step::kReady, Step::kAddress, Step::kDeviceAddress, Step::kPayload, Step::kEnd,
                          Step::kBitCount, Step::kDisabled}) {
    forget(step);
  }
}

void Radio::disable() {
  forget_transfer();
  if (state_ == kTx || state_ == kTxIdle || state_ == kTxRampUp) {
    state_ = kTxDisable;
    do_at(now() + (phy() == Phy::kLe2M ? kDisableTransmitter2M : kDisableTransmitter1M), Step::kDisabled);
  } else {
    disabled();  // also if it is disabled already: firmware waits for the event
  }
}

void Radio::disabled() {
  state_ = kDisabled;
  raise(kEventDisabled);
  if (state_ != kDisabled) return;  // the PPI was faster
  if (shortcut(kDisabledTxEnable)) return ramp_up(kTxRampUp, true);
  if (shortcut(kDisabledRxEnable)) return ramp_up(kRxRampUp, true);
}

// ---- What sending and receiving have in common

void Radio::address() {
  raise(kEventAddress);
  if (shortcut(kAddressRssiStart)) start(kRssiStart);
  if (shortcut(kAddressBitCounterStart)) start(kBitCounterStart);
}

void Radio::payload() {
  if (state_ == kRx) store();
  raise(kEventPayload);
}

void Radio::finish(State idle) {
  state_ = idle;
  current_.reset();
  bits_from_ = kNever;
  forget(Step::kBitCount);
  raise(kEventEnd);
  raise(kEventPhyEnd);
  if (state_ != idle) return;  // the PPI was faster
  if (shortcut(kEndDisable) || shortcut(kPhyEndDisable)) return disable();
  if (shortcut(kEndStart) || shortcut(kPhyEndStart)) begin();
}

void Radio::schedule_bit_count() {
  forget(Step::kBitCount);
  if (bits_from_ == kNever) return;
  const Cycles when = bits_from_ + reg(kBitCounterCompare) * bit();
  if (when >= now()) do_at(when, Step::kBitCount);
}

void Radio::count_bits() {
  if (state_ == kRx) store();
  raise(kEventBitCounterMatch);
}

// ---- Sending

void Radio::transmit() {
  state_ = kTx;
  ++sent_;
  Packet packet;
  packet.sender = place_;
  packet.phy = phy();
  packet.frequency = reg(kFrequency) & 0x7F;
  packet.whitening = whitening();
  packet.address = address_of(reg(kTxAddress) & 7);
  packet.pdu = fetch();
  packet.crc = crc().of(packet.pdu);
  packet.crc_bits = crc().bits;
  packet.start = now() + kTransmitDelay;
  do_at(packet.address_end() - kTransmitDelay, Step::kAddress);
  do_at(packet.payload_end() - kTransmitDelay, Step::kPayload);
  do_at(packet.end() - kTransmitDelay, Step::kEnd);
  current_ = std::make_shared<Packet>(packet);
  if (air_ && speaks_bluetooth()) air_->send(std::move(packet));
}

// EasyDMA: the packet to send; nothing if it isn't in RAM.
std::vector<uint8_t> Radio::fetch() {
  const uint8_t* header = chip().memory.ram_bytes(packet_pointer_, layout().ram_header());
  if (!header) return {};
  const uint8_t* packet = chip().memory.ram_bytes(packet_pointer_, layout().ram_size(header));
  return packet ? layout().to_air(packet) : std::vector<uint8_t>{};
}

void Radio::transmitted() {
  last_end_ = now() + kTransmitDelay;
  finish(kTxIdle);
}

// ---- Registers

bool Radio::speaks_bluetooth() const {
  const uint32_t mode = reg(kMode) & 0xF;
  return mode == static_cast<uint32_t>(Phy::kLe1M) || mode == static_cast<uint32_t>(Phy::kLe2M);
}

Phy Radio::phy() const {
  return (reg(kMode) & 0xF) == static_cast<uint32_t>(Phy::kLe2M) ? Phy::kLe2M : Phy::kLe1M;
}

Cycles Radio::receive_delay() const {
  return phy() == Phy::kLe2M ? kReceiveDelay2M : kReceiveDelay1M;
}

RadioLayout Radio::layout() const {
  return {reg(kPacketConfiguration0), reg(kPacketConfiguration1)};
}

RadioCrc Radio::crc() const {
  return {8 * (reg(kCrcConfiguration) & 3), reg(kCrcPolynomial), reg(kCrcStart)};
}

uint32_t Radio::address_of(unsigned logical) const {
  const uint32_t prefix = reg(logical < 4 ? kPrefix0 : kPrefix1) >> 8 * (logical % 4) & 0xFF;
  return prefix << 24 |
         reg(logical == 0 ? kBase0 : kBase1) >> 8;  // with three bytes of base, as Bluetooth LE has
}

uint8_t Radio::whitening() const {
  constexpr uint8_t kNone = 0xFF;
  if (!(reg(kPacketConfiguration1) >> 25 & 1)) return kNone;
  return static_cast<uint8_t>((reg(kWhiteningStart) & 0x7F) | kWhiteningAlwaysSet);
}

}  // namespace emulator
