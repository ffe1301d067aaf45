#include "usb/h4.h"

#include <algorithm>
#include <utility>

namespace emulator {

namespace {

struct Header {
  size_t size;
  size_t length_at;
  size_t length_size;
};

Header header_of(HciType type) {
  switch (type) {
    case HciType::kCommand: return {3, 2, 1};
    case HciType::kSynchronous: return {3, 2, 1};
    case HciType::kEvent: return {2, 1, 1};
    default: return {4, 2, 2};
  }
}

}  // namespace

size_t HciAssembler::missing() const {
  const Header header = header_of(type_);
  if (packet_.size() < header.size) return header.size - packet_.size();
  size_t length = packet_[header.length_at];
  if (header.length_size == 2) length |= static_cast<size_t>(packet_[header.length_at + 1]) << 8;
  if (type_ == HciType::kIsochronous) length &= 0x3FFF;
  return header.size + length - packet_.size();
}

bool HciAssembler::add(const uint8_t* bytes, size_t count) {
  packet_.insert(packet_.end(), bytes, bytes + count);
  return packet_.size() >= header_of(type_).size && missing() == 0;
}

std::vector<uint8_t> HciAssembler::take() {
  std::vector<uint8_t> packet = std::exchange(packet_, {});
  packet.insert(packet.begin(), static_cast<uint8_t>(type_));
  return packet;
}

std::vector<std::vector<uint8_t>> H4Stream::add(const uint8_t* bytes, size_t count) {
  std::vector<std::vector<uint8_t>> packets;
  const uint8_t* const end = bytes + count;
  while (bytes != end) {
    if (!begun_) {
      const uint8_t type = *bytes++;
      begun_ = type >= 1 && type <= 5;
      if (begun_) assembler_ = HciAssembler(static_cast<HciType>(type));
      continue;
    }
    const size_t taken = std::min(assembler_.missing(), static_cast<size_t>(end - bytes));
    if (assembler_.add(bytes, taken)) {
      packets.push_back(assembler_.take());
      begun_ = false;
    }
    bytes += taken;
  }
  return packets;
}

}  // namespace emulator
