// Packets of the host controller interface: from a stream of bytes with a type before each packet (H4), and
// from the transfers of USB endpoints that carry one type each. Bluetooth Core Specification, Vol 4, Part A
// (UART transport layer), Part B (USB transport layer), Part E, 5.4 (packets).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace emulator {

enum class HciType : uint8_t { kCommand = 1, kAcl = 2, kSynchronous = 3, kEvent = 4, kIsochronous = 5 };

// Puts the packets of one type together.
class HciAssembler {
 public:
  explicit HciAssembler(HciType type) : type_(type) {}
  HciType type() const { return type_; }

  // The bytes that the packet under way still needs, as far as can be told by now; never 0.
  size_t missing() const;
  // Takes at most missing() bytes; true when they complete the packet.
  bool add(const uint8_t* bytes, size_t count);
  // The complete packet, with its type before it. The next one begins.
  std::vector<uint8_t> take();
  void clear() { packet_.clear(); }

 private:
  HciType type_;
  std::vector<uint8_t> packet_;
};

// Takes a stream apart.
class H4Stream {
 public:
  // The packets that these bytes complete, each with its type before it.
  // A byte that is no type is skipped: what follows can't be understood otherwise.
  std::vector<std::vector<uint8_t>> add(const uint8_t* bytes, size_t count);
  void clear() { *this = H4Stream(); }

 private:
  bool begun_ = false;
  HciAssembler assembler_{HciType::kCommand};
};

}  // namespace emulator
