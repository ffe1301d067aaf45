// Calls the SoftDevice directly: the core's own flash functions hold back a page in RAM and erase pages
// without being asked.
#include "../flash.h"

#include <Arduino.h>
#include <nrf_soc.h>

#include <cstring>

#include "../chip.h"
#include "../microphone.h"

namespace flash {
namespace {

constexpr uint32_t kPage = 4096, kPages = 64;
constexpr uint32_t kFileSystem = 0xED000;  // the core's InternalFS, which holds BLE bonds
constexpr uint32_t kStart = kFileSystem - kPages * kPage;
constexpr int kPatience = 500;  // ms until the SoftDevice has found time between radio events

// Flash is in the address space, at addresses of its own.
uint32_t* at(uint32_t address) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<uint32_t*>(static_cast<uintptr_t>(kStart + address));
}

bool read(void*, uint32_t address, void* data, size_t length) {
  std::memcpy(data, at(address), length);
  return true;
}

// The SoftDevice accepts a request and carries it out later. Its event goes to the core, so the flash itself
// is watched to see when the request is done.
template <typename Request, typename Done>
bool carry_out(Request request, Done done) {
  uint32_t answer = request();
  for (int i = 0; answer == NRF_ERROR_BUSY && i < kPatience; ++i) {
    delay(1);
    answer = request();
  }
  if (answer != NRF_SUCCESS) return false;
  for (int i = 0; !done() && i < kPatience; ++i) delay(1);
  microphone::gap();
  return done();
}

bool is_erased(const uint32_t* page) {
  for (uint32_t i = 0; i < kPage / 4; ++i) {
    if (page[i] != 0xFFFFFFFFu) return false;
  }
  return true;
}

bool program(void*, uint32_t address, const void* data, size_t length) {
  static uint32_t words[64];  // aligned, and valid until the SoftDevice is done
  uint32_t* to = at(address);
  if (length > sizeof words) return false;
  std::memcpy(words, data, length);
  return carry_out([&] { return sd_flash_write(to, words, length / 4); },
                   [&] { return std::memcmp(to, words, length) == 0; });
}

bool erase(void*, uint32_t address) {
  chip::feed_watchdog();
  const uint32_t* page = at(address);
  if (is_erased(page)) return true;  // saves an erasure, whose end could not be seen
  return carry_out([&] { return sd_flash_page_erase((kStart + address) / kPage); },
                   [&] { return is_erased(page); });
}

}  // namespace

bytefed::BlockDevice device() {
  return {nullptr, kPage, kPages, read, program, erase};
}

}  // namespace flash
