// The layout of a packet in RAM and in the air, by RADIO's PCNF0 and PCNF1.
// nRF52840 Product Specification v1.7, 6.20.1 "Packet configuration" and 6.20.14 (registers).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace emulator {

class RadioLayout {
 public:
  RadioLayout(uint32_t pcnf0, uint32_t pcnf1);

  size_t ram_header() const { return s0_ + (length_bits_ > 0) + (s1_bits_ > 0 || s1_always_); }  // bytes
  // Bytes in RAM of a packet to send that begins with this header. MAXLEN holds for received packets only.
  size_t ram_size(const uint8_t* header) const;
  // Header and payload as they are in the air, from RAM.
  std::vector<uint8_t> to_air(const uint8_t* ram) const;
  // Bytes as they lie in RAM; `pdu` may lack the end of a packet that is being received.
  std::vector<uint8_t> to_ram(const std::vector<uint8_t>& pdu) const;

  size_t air_header() const { return (8 * s0_ + length_bits_ + s1_bits_ + 7) / 8; }  // bytes
  // Payload of a packet that begins with this header; larger than max_length() if it is too long for this
  // receiver.
  size_t payload_size(const std::vector<uint8_t>& pdu) const;
  size_t max_length() const { return max_length_; }

 private:
  size_t length(uint8_t byte) const { return byte & ((1u << length_bits_) - 1); }

  unsigned s0_;           // bytes
  unsigned length_bits_;  // 0 to 8 together with those of S1: a byte in the air
  unsigned s1_bits_;
  bool s1_always_;  // S1 takes a byte in RAM even if it has no bits
  unsigned static_length_;
  unsigned max_length_;
};

}  // namespace emulator
