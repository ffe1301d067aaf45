#include "usb/descriptors.h"

#include <cstddef>

namespace emulator {
namespace {

constexpr uint8_t kInterface = 4;
constexpr uint8_t kEndpoint = 5;
constexpr uint8_t kInterruptTransfers = 3;

}  // namespace

std::vector<UsbInterface> parse_configuration(const std::vector<uint8_t>& bytes) {
  std::vector<UsbInterface> interfaces;
  for (size_t at = 0; at + 2 <= bytes.size() && bytes[at] >= 2 && at + bytes[at] <= bytes.size();
       at += bytes[at]) {
    const uint8_t* it = bytes.data() + at;
    if (it[1] == kInterface && it[0] >= 9) {
      interfaces.push_back({it[2], it[3], it[5], it[6], it[7], {}});
    } else if (it[1] == kEndpoint && it[0] >= 7 && !interfaces.empty()) {
      interfaces.back().endpoints.push_back(
          {it[2] & 7, (it[2] & 0x80) != 0, (it[3] & 3) == kInterruptTransfers});
    }
  }
  return interfaces;
}

}  // namespace emulator
