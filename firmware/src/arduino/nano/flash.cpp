#include "../flash.h"

#include <Arduino.h>
#include <FlashIAP.h>

#include <cstring>

#include "../chip.h"
#include "../microphone.h"

namespace flash {
namespace {

constexpr uint32_t kPage = 4096, kPages = 64, kStart = 0x100000 - kPages * kPage;
constexpr uint32_t kPatience = 100;  // ms to wait for a pause of the radio: longer than a connection event
constexpr uint32_t kPpiChannels = 20;

mbed::FlashIAP iap;

bool read(void*, uint32_t address, void* data, size_t length) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): flash is in the address space
  std::memcpy(data, reinterpret_cast<const void*>(static_cast<uintptr_t>(kStart + address)), length);
  return true;
}

bool program(void*, uint32_t address, const void* data, size_t length) {
  const bool done = iap.program(data, kStart + address, length) == 0;
  microphone::gap();
  return done;
}

template <typename T>
uint32_t address_of(const T& task) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(&task));
}

// Whether a timer will start the radio by itself, through the PPI.
bool radio_is_armed() {
  const uint32_t enabled = NRF_PPI->CHEN;
  if ((enabled & (PPI_CHEN_CH20_Msk | PPI_CHEN_CH21_Msk)) != 0) return true;  // these do nothing else
  for (uint32_t i = 0; i < kPpiChannels; ++i) {
    if ((enabled >> i & 1) == 0) continue;
    const uint32_t task = NRF_PPI->CH[i].TEP;
    if (task == address_of(NRF_RADIO->TASKS_TXEN) || task == address_of(NRF_RADIO->TASKS_RXEN)) return true;
  }
  return false;
}

bool radio_pauses() {
  return NRF_RADIO->STATE == RADIO_STATE_STATE_Disabled && !radio_is_armed() &&
         NVIC_GetPendingIRQ(RADIO_IRQn) == 0;
}

void erase_page(uint32_t page) {
  NRF_NVMC->CONFIG = NVMC_CONFIG_WEN_Een << NVMC_CONFIG_WEN_Pos;
  NRF_NVMC->ERASEPAGE = page;
  while (NRF_NVMC->READY == NVMC_READY_READY_Busy) {
  }
  NRF_NVMC->CONFIG = NVMC_CONFIG_WEN_Ren << NVMC_CONFIG_WEN_Pos;
}

// Nothing interrupts between the look at the radio and the erase, during which nothing can.
bool erase_in_pause(uint32_t page) {
  const uint32_t masked = __get_PRIMASK();
  __disable_irq();
  const bool pauses = radio_pauses();
  if (pauses) erase_page(page);
  __set_PRIMASK(masked);
  return pauses;
}

// While a page is erased the processor stands still for 85 ms, but the radio does not. Mbed's BLE controller
// must serve it within 120 us of a packet's last byte: if it comes later, it ends that connection event
// twice, and then waits for ever, at a priority above the app's, for one that never ends. An event that
// begins while the processor stands still is no harm: the controller sees that it is too late for it. So
// pages are erased between events, and not at all, this time, if there is no pause.
bool erase(void*, uint32_t address) {
  chip::feed_watchdog();  // an image has several pages
  for (uint32_t waited = 0; !erase_in_pause(kStart + address); ++waited) {
    if (waited == kPatience) return false;
    delay(1);
  }
  microphone::gap();
  return true;
}

}  // namespace

bytefed::BlockDevice device() {
  const bool works = iap.init() == 0;
  return {nullptr, kPage, works ? kPages : 0, read, program, erase};
}

}  // namespace flash
