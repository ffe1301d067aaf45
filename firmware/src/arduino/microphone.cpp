#include "microphone.h"

#include <Arduino.h>

#if defined(BYTEFED_MODEL_SOUND) && defined(PIN_PDM_DIN)

#include <PDM.h>

#include <atomic>
#include <cstring>

#include "frame_ring.h"

namespace microphone {
namespace {

constexpr size_t kBlock = 512;  // bytes that the library hands over at once: 16 ms

FrameRing<8, kBlock> ring;
size_t taken = 0;  // bytes of the oldest block that were read
std::atomic<uint32_t> dropped{0};

// Runs in the microphone's interrupt. A library whose block nobody has read by the next one stops for good.
void take() {
  static uint8_t block[kBlock];
  const int length = PDM.read(block, sizeof block);
  if (length > 0 && !ring.push(block, static_cast<size_t>(length))) {
    dropped.fetch_add(static_cast<uint32_t>(length) / 2, std::memory_order_relaxed);
  }
}

}  // namespace

bool exists() {
  return true;
}

bool start() {
  PDM.onReceive(take);
  return PDM.begin(1, kRate) != 0;
}

uint16_t read(int16_t* samples, uint16_t capacity) {
  const auto* block = ring.front();
  if (block == nullptr) return 0;
  const size_t room = 2u * capacity, left = block->length - taken;
  const size_t length = left < room ? left : room;
  std::memcpy(samples, block->data + taken, length);
  taken += length;
  if (taken == block->length) {
    ring.pop();
    taken = 0;
  }
  return static_cast<uint16_t>(length / 2);
}

uint32_t lost() {
  return dropped.load(std::memory_order_relaxed);
}

void gap() {
  dropped.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace microphone

#else

namespace microphone {

bool exists() {
  return false;
}

bool start() {
  return false;
}

uint16_t read(int16_t*, uint16_t) {
  return 0;
}

uint32_t lost() {
  return 0;
}

#ifdef BYTEFED_MODEL_SOUND
void gap() {}
#endif

}  // namespace microphone

#endif
