#include "../chip.h"

#include <Arduino.h>
#include <cmsis_os2.h>
#include <malloc.h>

extern "C" uint32_t mbed_heap_size;

namespace chip {
namespace {

constexpr uint32_t kWake = 1;  // flag of the app's thread

osThreadId_t app = nullptr;  // known from its first rest on

uint32_t read_reset_reasons() {
  const uint32_t reasons = NRF_POWER->RESETREAS;
  NRF_POWER->RESETREAS = reasons;  // the bits stay set until they are cleared
  return reasons;
}

}  // namespace

bytefed::ResetCause reset_cause() {
  using bytefed::ResetCause;
  static const uint32_t reasons = read_reset_reasons();
  if (reasons == 0) return ResetCause::kPower;
  if ((reasons & POWER_RESETREAS_DOG_Msk) != 0) return ResetCause::kWatchdog;
  if ((reasons & POWER_RESETREAS_RESETPIN_Msk) != 0) return ResetCause::kPin;
  return (reasons & POWER_RESETREAS_SREQ_Msk) != 0 ? ResetCause::kSoftware : ResetCause::kOther;
}

bool noise(uint8_t* bytes, size_t length) {
  return read_noise(bytes, length);
}

uint32_t free_ram() {
  return mbed_heap_size - static_cast<uint32_t>(mallinfo().arena);
}

// Mbed's USB driver asks for an interrupt at each of USB's frames, a thousand a second, whenever a cable is
// plugged in, and makes nothing of it.
void rest(uint32_t ms) {
  app = osThreadGetId();
  NRF_USBD->INTENCLR = USBD_INTENCLR_SOF_Msk;
  osThreadFlagsWait(kWake, osFlagsWaitAny, ms);
}

void wake() {
  if (app != nullptr) osThreadFlagsSet(app, kWake);
}

}  // namespace chip
