#include "peripherals/radio/layout.h"

#include <algorithm>

namespace emulator {

RadioLayout::RadioLayout(uint32_t pcnf0, uint32_t pcnf1)
    : s0_(pcnf0 >> 8 & 1),
      length_bits_(std::min(pcnf0 & 0xF, 8u)),
      s1_bits_(std::min(pcnf0 >> 16 & 0xF, 8 - length_bits_)),
      s1_always_(pcnf0 >> 20 & 1),
      static_length_(pcnf1 >> 8 & 0xFF),
      max_length_(pcnf1 & 0xFF) {}

size_t RadioLayout::ram_size(const uint8_t* header) const {
  return ram_header() + static_length_ + (length_bits_ ? length(header[s0_]) : 0);
}

std::vector<uint8_t> RadioLayout::to_air(const uint8_t* ram) const {
  const uint8_t* const end = ram + ram_size(ram);
  std::vector<uint8_t> pdu;
  if (s0_) pdu.push_back(*ram++);
  unsigned second = 0;
  if (length_bits_) second = static_cast<unsigned>(length(*ram++));
  if (s1_bits_ || s1_always_) second |= (*ram++ & ((1u << s1_bits_) - 1)) << length_bits_;
  if (length_bits_ + s1_bits_) pdu.push_back(static_cast<uint8_t>(second));
  pdu.insert(pdu.end(), ram, end);
  return pdu;
}

std::vector<uint8_t> RadioLayout::to_ram(const std::vector<uint8_t>& pdu) const {
  std::vector<uint8_t> ram;
  auto next = pdu.begin();
  if (s0_ && next != pdu.end()) ram.push_back(*next++);
  if (length_bits_ + s1_bits_ && next != pdu.end()) {
    const uint8_t second = *next++;
    if (length_bits_) ram.push_back(static_cast<uint8_t>(length(second)));
    if (s1_bits_ || s1_always_) ram.push_back(static_cast<uint8_t>(second >> length_bits_));
  }
  ram.insert(ram.end(), next, pdu.end());
  ram.resize(std::min(ram.size(), ram_header() + max_length_));
  return ram;
}

size_t RadioLayout::payload_size(const std::vector<uint8_t>& pdu) const {
  return static_length_ + (length_bits_ && pdu.size() > s0_ ? length(pdu[s0_]) : 0);
}

}  // namespace emulator
