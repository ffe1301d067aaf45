#include "air/traffic.h"

namespace emulator {

namespace {

constexpr uint32_t kAdvertisingAddress = 0x8E89BED6;
constexpr uint8_t kConnectInd = 5;              // advertising PDU type
constexpr size_t kAccessAddressAt = 2 + 6 + 6;  // in CONNECT_IND: after header, InitA, AdvA
constexpr uint8_t kLlidContinuation = 1;
constexpr uint8_t kLlidControl = 3;
constexpr uint16_t kAttChannel = 4;
constexpr uint8_t kWriteCommand = 0x52;
constexpr uint8_t kNotification = 0x1B;
constexpr size_t kHeader = 2;       // of a PDU
constexpr size_t kL2capHeader = 4;  // length, channel
constexpr size_t kAttHeader = 3;    // opcode, handle
// Packets of one connection event are 150 us apart; no two events are as close as this.
constexpr Cycles kEventGap = microseconds(400);

uint32_t little_endian(const std::vector<uint8_t>& bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value |= static_cast<uint32_t>(bytes[at + i]) << (8 * i);
  return value;
}

}  // namespace

const char* name(Purpose purpose) {
  static const char* const kNames[kPurposes] = {"advertising", "value", "acknowledgement", "other_data",
                                                "control",     "empty", "repeated",        "unknown"};
  return kNames[static_cast<size_t>(purpose)];
}

void Traffic::count(const Packet& packet) {
  Tally& tally = tallies_[static_cast<size_t>(purpose(packet))];
  ++tally.packets;
  tally.bytes += packet.bytes();
  tally.time += packet.end() - packet.start;
}

Purpose Traffic::purpose(const Packet& packet) {
  if (packet.pdu.size() < kHeader) return Purpose::kUnknown;
  if (packet.address == kAdvertisingAddress) {
    if ((packet.pdu[0] & 0x0F) == kConnectInd && packet.pdu.size() >= kAccessAddressAt + 4)
      begin_connection(packet);
    return Purpose::kAdvertising;
  }
  const auto found = connections_by_address_.find(packet.address);
  return found == connections_by_address_.end() ? Purpose::kUnknown : of_data(found->second, packet);
}

void Traffic::begin_connection(const Packet& packet) {
  connections_by_address_[little_endian(packet.pdu, kAccessAddressAt, 4)] = Connection{};
  ++connections_;
}

void Traffic::notice_event(Connection& connection, const Packet& packet) {
  if (packet.start > connection.last_end + kEventGap) {
    for (auto& side : connection.sides) side.second.sent_value = false;
  }
  connection.last_end = packet.end();
}

Purpose Traffic::of_data(Connection& connection, const Packet& packet) {
  notice_event(connection, packet);
  Side& side = connection.sides[packet.sender];
  const bool owed = connection.owes_acknowledgement && connection.last_sender != packet.sender;
  const int sequence = packet.pdu[0] >> 3 & 1;
  const bool repeated = sequence == side.sequence;
  side.sequence = sequence;
  Purpose purpose = repeated ? side.purpose : of_new(side, packet, owed);
  const bool has_value = purpose == Purpose::kValue;
  side.purpose = purpose;
  if (has_value && !side.sent_value) {
    side.sent_value = true;
    ++value_events_;
  }
  if (repeated && (has_value || purpose == Purpose::kAcknowledgement)) purpose = Purpose::kRepeated;
  connection.owes_acknowledgement = has_value;
  connection.last_sender = packet.sender;
  return purpose;
}

Purpose Traffic::of_new(Side& side, const Packet& packet, bool owed) {
  const uint8_t kind = packet.pdu[0] & 3;
  if (kind == kLlidControl) return Purpose::kControl;
  if (packet.pdu.size() == kHeader) return owed ? Purpose::kAcknowledgement : Purpose::kEmpty;
  if (kind != kLlidContinuation) side.message = of_message(packet);
  return side.message;
}

Purpose Traffic::of_message(const Packet& packet) {
  if (packet.pdu.size() < kHeader + kL2capHeader + 1) return Purpose::kOtherData;
  const uint32_t length = little_endian(packet.pdu, kHeader, 2);
  const uint8_t opcode = packet.pdu[kHeader + kL2capHeader];
  if (little_endian(packet.pdu, kHeader + 2, 2) != kAttChannel) return Purpose::kOtherData;
  if (opcode != kWriteCommand && opcode != kNotification) return Purpose::kOtherData;
  ++values_;
  value_bytes_ += length > kAttHeader ? length - kAttHeader : 0;
  return Purpose::kValue;
}

}  // namespace emulator
