#include "../chip.h"

#include <Arduino.h>
#include <malloc.h>

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
