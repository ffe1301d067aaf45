// What the radio's controller hands to the BLE library: each packet whole or not at all, in bounded memory.
// One writer, the controller's thread; one reader, the app; no lock. DESIGN.md says what the library's own
// queue does.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

class HciInlet {
 public:
  // Longest packet that the library has room for: its type, 2 bytes of header, 255 of parameters.
  static constexpr size_t kMaxPacket = 258;
  // Longest L2CAP packet that the library can put together: an ATT value of 244 bytes with its headers.
  static constexpr size_t kMaxPdu = 251;
  static constexpr size_t kSize = 1024;      // bytes that wait for the app
  static constexpr size_t kForEvents = 128;  // bytes of these that data leave free

  // Takes bytes as the controller gives them: a packet's type by itself, then the rest.
  void take(const uint8_t* data, size_t length);
  // Notes that a data packet goes to the controller.
  void sent() { unacknowledged_.fetch_add(1, std::memory_order_relaxed); }
  // Data packets that the controller still holds.
  uint32_t unacknowledged() const { return unacknowledged_.load(std::memory_order_relaxed); }

  // Bytes of whole packets.
  size_t available() const;
  // The next byte, -1: there is none.
  int peek() const;
  int read();

 private:
  bool complete() const;
  void deliver();
  void deliver_event();
  bool belongs();
  void forget(uint16_t handle);
  bool push(const uint8_t* packet, size_t length, size_t free);

  uint8_t packet_[kMaxPacket];  // the one that is coming in
  size_t length_ = 0;           // its bytes so far, even those that have no room
  size_t rest_ = 0;             // bytes that the L2CAP packet before still lacks
  std::atomic<uint32_t> unacknowledged_{0};

  static_assert((kSize & (kSize - 1)) == 0, "indices wrap around");
  uint8_t bytes_[kSize];
  std::atomic<uint32_t> written_{0}, read_{0};
};
