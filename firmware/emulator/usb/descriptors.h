// A device's descriptors, in which it says what it is. USB 2.0 Specification, 9.6 "Standard USB Descriptor
// Definitions".
#pragma once
#include <cstdint>
#include <vector>

namespace emulator {

struct UsbEndpoint {
  int number;
  bool in;
  bool interrupt;  // else bulk (or isochronous, which nothing here uses)
};

struct UsbInterface {
  int number;
  int alternate;
  int kind;  // bInterfaceClass
  int subclass;
  int protocol;
  std::vector<UsbEndpoint> endpoints;
};

// The interfaces of a configuration descriptor, as far as it is whole.
std::vector<UsbInterface> parse_configuration(const std::vector<uint8_t>& bytes);

}  // namespace emulator
