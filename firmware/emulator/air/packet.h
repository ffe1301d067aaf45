// A packet in the air: what a radio sends, and when each part of it is over.
#pragma once
#include <cstdint>
#include <vector>

#include "chip/time.h"

namespace emulator {

// Modulations as RADIO.MODE numbers them; only those that firmware for Bluetooth LE uses.
enum class Phy : uint8_t { kLe1M = 3, kLe2M = 4 };

struct Packet {
  int sender;  // the radio's place in the air
  Phy phy;
  uint8_t frequency;         // MHz above 2400
  uint8_t whitening;         // the channel's start value; 0xFF: not whitened
  uint32_t address;          // access address
  std::vector<uint8_t> pdu;  // header and payload, as in the air
  uint32_t crc;
  unsigned crc_bits;
  Cycles start;           // the first bit of the preamble
  bool collided = false;  // another packet on the frequency overlaps

  Cycles bit() const { return phy == Phy::kLe2M ? microseconds(1) / 2 : microseconds(1); }
  unsigned preamble_bits() const { return phy == Phy::kLe2M ? 16 : 8; }
  Cycles address_begin() const { return start + preamble_bits() * bit(); }
  Cycles address_end() const { return address_begin() + 32 * bit(); }
  Cycles payload_end() const { return address_end() + pdu.size() * 8 * bit(); }
  Cycles end() const { return payload_end() + crc_bits * bit(); }
  unsigned bytes() const { return (preamble_bits() + 32 + crc_bits) / 8 + static_cast<unsigned>(pdu.size()); }
};

}  // namespace emulator
