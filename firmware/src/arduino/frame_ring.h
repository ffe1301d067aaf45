// Blocks of bytes on their way from an interrupt to the app, such as the radio's frames: one writer, one
// reader, no lock.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

template <size_t Slots, size_t Size>
class FrameRing {
 public:
  struct Frame {
    uint16_t length;
    uint8_t data[Size];
  };

  // Stores a frame. False if the ring is full or the frame too long: the frame is lost, and the ACKs will
  // show it.
  bool push(const uint8_t* data, size_t length) {
    const uint32_t written = written_.load(std::memory_order_relaxed);
    if (length > Size || written - taken_.load(std::memory_order_acquire) == Slots) return false;
    Frame& frame = frames_[written % Slots];
    frame.length = static_cast<uint16_t>(length);
    std::memcpy(frame.data, data, length);
    written_.store(written + 1, std::memory_order_release);
    return true;
  }

  // The oldest frame, null when there is none. It stays until `pop`.
  const Frame* front() const {
    const uint32_t taken = taken_.load(std::memory_order_relaxed);
    return taken == written_.load(std::memory_order_acquire) ? nullptr : &frames_[taken % Slots];
  }
  // Forgets the frames that are waiting.
  void clear() { taken_.store(written_.load(std::memory_order_acquire), std::memory_order_release); }
  void pop() { taken_.store(taken_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

 private:
  static_assert((Slots & (Slots - 1)) == 0, "indices wrap around");

  Frame frames_[Slots];
  std::atomic<uint32_t> written_{0}, taken_{0};
};
