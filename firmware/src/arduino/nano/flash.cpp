#include "../flash.h"

#include <FlashIAP.h>

#include <cstring>

#include "../chip.h"

namespace flash {
namespace {

constexpr uint32_t kPage = 4096, kPages = 64, kStart = 0x100000 - kPages * kPage;

mbed::FlashIAP iap;

bool read(void*, uint32_t address, void* data, size_t length) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): flash is in the address space
  std::memcpy(data, reinterpret_cast<const void*>(static_cast<uintptr_t>(kStart + address)), length);
  return true;
}

bool program(void*, uint32_t address, const void* data, size_t length) {
  return iap.program(data, kStart + address, length) == 0;
}

bool erase(void*, uint32_t address) {
  chip::feed_watchdog();  // a page takes 85 ms, and an image has several pages
  return iap.erase(kStart + address, kPage) == 0;
}

}  // namespace

bytefed::BlockDevice device() {
  const bool works = iap.init() == 0;
  return {nullptr, kPage, works ? kPages : 0, read, program, erase};
}

}  // namespace flash
