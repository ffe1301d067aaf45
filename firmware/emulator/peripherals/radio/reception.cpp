// The receiving half of the radio. nRF52840 Product Specification v1.7, 6.20.5 to 6.20.13.
#include <algorithm>
#include <utility>

#include "chip/chip.h"
#include "peripherals/radio/radio.h"
#include "peripherals/radio/registers.h"

namespace emulator {

using namespace radio;

void Radio::hear(std::shared_ptr<const Packet> packet, Fate fate) {
  const Cycles synchronised = packet->address_end() + receive_delay();
  heard_.emplace(synchronised, Heard{std::move(packet), fate == Fate::kSpoilt});
  set_alarm();
}

void Radio::synchronise(const Heard& heard) {
  const Packet& packet = *heard.packet;
  const int logical = logical_address(packet);
  const bool listens = state_ == kRx && !current_ && listening_since_ <= packet.address_begin();
  if (!listens || !speaks_bluetooth() || logical < 0) return;
  if (packet.phy != phy() || packet.frequency != (reg(kFrequency) & 0x7F)) return;
  current_ = heard.packet;
  spoilt_ = heard.spoilt;
  reg(kRxMatch) = static_cast<uint32_t>(logical);
  reg(kRssiSample) = 50;  // -50 dBm
  synchronised_ = now();
  const size_t size = std::min(layout().payload_size(packet.pdu), layout().max_length());
  const Cycles payload_end = now() + (layout().air_header() + size) * 8 * bit();
  if (reg(kDeviceMatchConfiguration) & 0xFF) {
    do_at(now() + (layout().air_header() + kDeviceAddressSize) * 8 * bit(), Step::kDeviceAddress);
  }
  do_at(payload_end, Step::kPayload);
  do_at(payload_end + crc().bits * bit(), Step::kEnd);
  address();
}

// The enabled logical address that a packet has; -1: none.
int Radio::logical_address(const Packet& packet) const {
  for (unsigned logical = 0; logical < 8; ++logical) {
    if (reg(kRxAddresses) >> logical & 1 && address_of(logical) == packet.address)
      return static_cast<int>(logical);
  }
  return -1;
}

// EasyDMA: what has come up to now is in RAM.
void Radio::store() {
  if (!current_) return;
  const size_t arrived = (now() - synchronised_) / (8 * bit());
  std::vector<uint8_t> pdu = current_->pdu;
  pdu.resize(std::min(pdu.size(), arrived));
  const std::vector<uint8_t> ram = layout().to_ram(pdu);
  if (uint8_t* to = chip().memory.ram_bytes(packet_pointer_, static_cast<uint32_t>(ram.size()))) {
    std::copy(ram.begin(), ram.end(), to);
  }
}

// 6.20.9 "Device address match": AdvA, behind the header, and TxAdd.
void Radio::match_device() {
  store();
  const std::vector<uint8_t>& pdu = current_->pdu;
  const size_t header = layout().air_header();
  if (pdu.size() < header + kDeviceAddressSize) return raise(kEventDeviceMiss);
  uint64_t seen = 0;
  for (size_t i = 0; i < kDeviceAddressSize; ++i) seen |= static_cast<uint64_t>(pdu[header + i]) << (8 * i);
  const bool seen_random = pdu[0] >> 6 & 1;
  for (unsigned device = 0; device < 8; ++device) {
    const uint64_t base = reg(kDeviceBase + 4 * device);
    const uint64_t wanted = base | static_cast<uint64_t>(reg(kDevicePrefix + 4 * device) & 0xFFFF) << 32;
    const bool enabled = reg(kDeviceMatchConfiguration) >> device & 1;
    const bool wanted_random = reg(kDeviceMatchConfiguration) >> (8 + device) & 1;
    if (!enabled || wanted != seen || wanted_random != seen_random) continue;
    reg(kDeviceMatchIndex) = device;
    return raise(kEventDeviceMatch);
  }
  raise(kEventDeviceMiss);
}

void Radio::received() {
  store();
  const Packet& packet = *current_;
  const bool too_long = layout().payload_size(packet.pdu) > layout().max_length();
  const bool good = !spoilt_ && !packet.collided && !too_long && packet.whitening == whitening() &&
                    packet.crc_bits == crc().bits && packet.crc == crc().of(packet.pdu);
  reg(kPduStatus) = too_long;
  reg(kRxCrc) = packet.crc;
  reg(kCrcStatus) = good;
  last_end_ = now() - receive_delay();
  raise(good ? kEventCrcOk : kEventCrcError);
  finish(kRxIdle);
}

}  // namespace emulator
