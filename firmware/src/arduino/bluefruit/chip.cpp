#include "../chip.h"

#include <Arduino.h>
#include <malloc.h>
#include <nrf_sdm.h>
#include <nrf_soc.h>

namespace chip {
namespace {

TaskHandle_t app = nullptr;  // known from its first rest on

}  // namespace

bytefed::ResetCause reset_cause() {
  using bytefed::ResetCause;
  const uint32_t reasons = readResetReason();  // the core has read and cleared the register
  if (reasons == 0) return ResetCause::kPower;
  if ((reasons & POWER_RESETREAS_DOG_Msk) != 0) return ResetCause::kWatchdog;
  if ((reasons & POWER_RESETREAS_RESETPIN_Msk) != 0) return ResetCause::kPin;
  return (reasons & POWER_RESETREAS_SREQ_Msk) != 0 ? ResetCause::kSoftware : ResetCause::kOther;
}

bool noise(uint8_t* bytes, size_t length) {
  uint8_t enabled = 0;
  sd_softdevice_is_enabled(&enabled);
  if (enabled == 0) return read_noise(bytes, length);
  return sd_rand_application_vector_get(bytes, static_cast<uint8_t>(length)) == NRF_SUCCESS;
}

uint32_t free_ram() {
  return static_cast<uint32_t>(dbgHeapTotal()) - static_cast<uint32_t>(mallinfo().arena);
}

void rest(uint32_t ms) {
  app = xTaskGetCurrentTaskHandle();
  ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS(ms));
}

void wake() {
  if (app != nullptr) xTaskNotifyGive(app);
}

}  // namespace chip
