#include "world.h"

#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

World world;

namespace {

constexpr uintptr_t kFlash = 0xA0000;
constexpr size_t kFlashSize = 0x60000;

// Mapped once a process: a board that is loaded anew finds what the last one left.
struct Mapping {
  Mapping() {
    void* at = mmap(reinterpret_cast<void*>(kFlash), kFlashSize, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at != MAP_FAILED) std::memset(at, 0xFF, kFlashSize);
  }
} mapping;

bool power() {
  if (world.flash_breaks) return false;
  if (world.flash_writes_left == 0) return false;
  if (world.flash_writes_left > 0) --world.flash_writes_left;
  return true;
}

}  // namespace

bool flash_erase(uint32_t address, uint32_t size) {
  if (!power()) return false;
  ++world.flash_erasures;
  std::this_thread::sleep_for(std::chrono::milliseconds(world.flash_stall));
  std::memset(reinterpret_cast<void*>(static_cast<uintptr_t>(address)), 0xFF, size);
  return true;
}

bool flash_program(uint32_t address, const void* data, size_t length) {
  if (!power()) return false;
  ++world.flash_writes;
  uint8_t* to = reinterpret_cast<uint8_t*>(static_cast<uintptr_t>(address));
  const uint8_t* from = static_cast<const uint8_t*>(data);
  for (size_t i = 0; i < length; ++i) to[i] &= from[i];
  return true;
}
