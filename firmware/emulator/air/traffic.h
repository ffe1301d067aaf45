// Counts what is in the air, by what it is for. It follows connections from their CONNECT_IND on, as a
// sniffer does (Bluetooth Core Specification, Vol 6, Part B, 2: packets; 4.5.9: acknowledgement).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

#include "air/packet.h"

namespace emulator {

enum class Purpose {
  kAdvertising,      // advertising channels, CONNECT_IND included
  kValue,            // an ATT value: WRITE_COMMAND or HANDLE_VALUE_NOTIFICATION, all its fragments
  kAcknowledgement,  // the first packet from the other side after one with a value, if it is empty
  kOtherData,        // the rest of ATT, signalling, pairing
  kControl,          // LL control
  kEmpty,            // any other empty packet: events without data
  kRepeated,         // a value or its acknowledgement, sent again
  kUnknown,          // no connection that began in this air
};
constexpr size_t kPurposes = 8;
const char* name(Purpose purpose);

struct Tally {
  uint64_t packets = 0;
  uint64_t bytes = 0;  // preamble to CRC
  Cycles time = 0;     // on air
};

class Traffic {
 public:
  void count(const Packet& packet);
  const Tally& tally(Purpose purpose) const { return tallies_[static_cast<size_t>(purpose)]; }
  uint64_t connections() const { return connections_; }
  uint64_t values() const { return values_; }            // ATT values, counted once each
  uint64_t value_bytes() const { return value_bytes_; }  // without headers
  // Connection events with packets of values, counted for each direction: an event with both counts twice.
  uint64_t value_events() const { return value_events_; }

 private:
  // The last packet of one side of a connection.
  struct Side {
    int sequence = -1;                      // SN of its last packet; -1: none yet
    Purpose purpose = Purpose::kEmpty;      // of its last packet that was no repetition
    Purpose message = Purpose::kOtherData;  // of the L2CAP message that its fragments belong to
    bool sent_value = false;                // in this connection event
  };
  struct Connection {
    std::map<int, Side> sides;  // by sender
    int last_sender = -1;
    Cycles last_end = 0;
    bool owes_acknowledgement = false;  // the last packet had a value, and is not acknowledged
  };

  Purpose purpose(const Packet& packet);
  void begin_connection(const Packet& packet);
  Purpose of_data(Connection& connection, const Packet& packet);
  static void notice_event(Connection& connection, const Packet& packet);
  Purpose of_new(Side& side, const Packet& packet, bool owed);
  Purpose of_message(const Packet& packet);

  std::array<Tally, kPurposes> tallies_{};
  std::map<uint32_t, Connection> connections_by_address_;
  uint64_t connections_ = 0;
  uint64_t values_ = 0;
  uint64_t value_bytes_ = 0;
  uint64_t value_events_ = 0;
};

}  // namespace emulator
