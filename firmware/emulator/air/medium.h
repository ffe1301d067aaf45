// What carries packets from one chip's RADIO to those of others.
#pragma once
#include <cstdint>
#include <vector>

#include "chip/time.h"

namespace emulator {

// A packet while it is in the air: what the sender's RADIO would have modulated, before whitening.
struct AirPacket {
  uint32_t access_address;
  uint16_t frequency;          // MHz
  uint8_t mode;                // RADIO's MODE register: 3 is BLE with 1 Mbit/s, 4 with 2 Mbit/s
  uint8_t whitening;           // DATAWHITEIV: a receiver with another one sees noise
  uint32_t crc_start;          // CRCINIT
  std::vector<uint8_t> bytes;  // header, length, payload; the CRC is not among them
  Cycles start;                // when the preamble began
  Cycles duration;             // from the preamble to the end of the CRC
};

class Listener {
 public:
  virtual ~Listener() = default;
  // A packet begins in the air. It is told to every other RADIO, whatever that is doing.
  virtual void packet_begins(const AirPacket& packet) = 0;
};

class Medium {
 public:
  virtual ~Medium() = default;
  virtual void join(Listener& radio) = 0;
  virtual void transmit(Listener& sender, const AirPacket& packet) = 0;
  // A RADIO is on, or off: while two are on, their chips must be kept closer together in time.
  virtual void is_on(Listener& radio, bool on) = 0;
};

}  // namespace emulator
