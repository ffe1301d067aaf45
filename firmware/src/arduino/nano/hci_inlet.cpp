#include "hci_inlet.h"

#include <algorithm>

namespace {

constexpr uint8_t kData = 2, kEvent = 4;          // types of packets
constexpr uint8_t kStart = 2, kContinuation = 1;  // of an L2CAP packet
constexpr size_t kDataHeader = 5, kEventHeader = 3, kL2capHeader = 4;
constexpr uint8_t kDisconnectionComplete = 0x05, kNumberOfCompletedPackets = 0x13, kLe = 0x3E;
constexpr uint8_t kLeConnectionComplete = 0x01, kLeEnhancedConnectionComplete = 0x0A;

size_t two_bytes(const uint8_t* at) {
  return static_cast<size_t>(at[0] | at[1] << 8);
}

// Data packets that an event acknowledges, of all connections.
uint32_t acknowledged(const uint8_t* event, size_t length) {
  uint32_t sum = 0;
  for (size_t at = kEventHeader + 1; at + 4 <= length; at += 4) {
    sum += static_cast<uint32_t>(two_bytes(event + at + 2));
  }
  return sum;
}

}  // namespace

void HciInlet::take(const uint8_t* data, size_t length) {
  for (size_t i = 0; i < length; ++i) {
    if (length_ < kMaxPacket) packet_[length_] = data[i];
    ++length_;
    if (packet_[0] != kData && packet_[0] != kEvent) length_ = 0;
    if (!complete()) continue;
    if (length_ <= kMaxPacket) deliver();
    length_ = 0;
  }
}

bool HciInlet::complete() const {
  if (length_ == 0) return false;
  if (packet_[0] == kEvent) return length_ >= kEventHeader && length_ == kEventHeader + packet_[2];
  return length_ >= kDataHeader && length_ == kDataHeader + two_bytes(packet_ + 3);
}

// A packet without content would have the library take the next one's first byte for it.
void HciInlet::deliver() {
  if (packet_[0] == kEvent) {
    if (length_ > kEventHeader) deliver_event();
  } else if (!belongs() || !push(packet_, length_, kForEvents)) {
    rest_ = 0;  // what still comes of this L2CAP packet is lost with it
  }
}

void HciInlet::deliver_event() {
  const uint8_t code = packet_[1], first = packet_[kEventHeader];
  if (code == kNumberOfCompletedPackets) {
    const uint32_t held = unacknowledged();  // only this thread makes it less
    unacknowledged_.fetch_sub(std::min(held, acknowledged(packet_, length_)), std::memory_order_relaxed);
  } else if (code == kDisconnectionComplete ||
             (code == kLe && (first == kLeConnectionComplete || first == kLeEnhancedConnectionComplete))) {
    forget(static_cast<uint16_t>(two_bytes(packet_ + kEventHeader + (code == kLe ? 2 : 1))));
  }
  push(packet_, length_, 0);
}

// Whether the library may have this piece of an L2CAP packet: it copies pieces without looking how many fit.
bool HciInlet::belongs() {
  const size_t length = length_ - kDataHeader;
  const uint8_t part = packet_[2] >> 4 & 3;
  if (part == kStart) {
    rest_ = length < kL2capHeader ? 0 : kL2capHeader + two_bytes(packet_ + kDataHeader);
    if (rest_ > kMaxPdu) return false;
  } else if (part != kContinuation) {
    return false;
  }
  if (length == 0 || length > rest_) return false;
  rest_ -= length;
  return true;
}

// A connection has ended: the controller need not say what became of the packets that it held, and the
// library would count them for ever.
void HciInlet::forget(uint16_t handle) {
  const uint32_t lost = unacknowledged_.exchange(0, std::memory_order_relaxed);
  if (lost == 0) return;
  const uint8_t count = static_cast<uint8_t>(std::min<uint32_t>(lost, 255));
  const uint8_t event[] = {kEvent,
                           kNumberOfCompletedPackets,
                           5,
                           1,
                           static_cast<uint8_t>(handle),
                           static_cast<uint8_t>(handle >> 8),
                           count,
                           0};
  push(event, sizeof event, 0);
}

// Stores a packet if `free` bytes are left afterwards.
bool HciInlet::push(const uint8_t* packet, size_t length, size_t free) {
  const uint32_t written = written_.load(std::memory_order_relaxed);
  if (kSize - (written - read_.load(std::memory_order_acquire)) < length + free) return false;
  for (size_t i = 0; i < length; ++i) bytes_[(written + i) % kSize] = packet[i];
  written_.store(written + static_cast<uint32_t>(length), std::memory_order_release);
  return true;
}

size_t HciInlet::available() const {
  return written_.load(std::memory_order_acquire) - read_.load(std::memory_order_relaxed);
}

int HciInlet::peek() const {
  return available() == 0 ? -1 : bytes_[read_.load(std::memory_order_relaxed) % kSize];
}

int HciInlet::read() {
  const int byte = peek();
  if (byte >= 0) read_.store(read_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  return byte;
}
