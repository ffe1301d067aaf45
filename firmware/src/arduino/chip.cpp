#include "chip.h"

#include <Arduino.h>

namespace chip {
namespace {

constexpr uint32_t kWatchdogSeconds = 30, kSlowClock = 32768;  // Hz

}  // namespace

uint64_t uid() {
  return static_cast<uint64_t>(NRF_FICR->DEVICEID[1]) << 32 | NRF_FICR->DEVICEID[0];
}

uint16_t random16() {
  uint16_t number = 0;
  NRF_RNG->CONFIG = RNG_CONFIG_DERCEN_Enabled;
  NRF_RNG->TASKS_START = 1;
  for (int i = 0; i < 2; ++i) {
    NRF_RNG->EVENTS_VALRDY = 0;
    while (NRF_RNG->EVENTS_VALRDY == 0) {
    }
    number = static_cast<uint16_t>(number << 8 | (NRF_RNG->VALUE & 0xFFu));
  }
  NRF_RNG->TASKS_STOP = 1;
  return number;
}

uint32_t millis() {
  return static_cast<uint32_t>(::millis());
}

void start_watchdog() {
  if (NRF_WDT->RUNSTATUS != 0) return feed_watchdog();  // still running from before a software reset
  NRF_WDT->CONFIG = WDT_CONFIG_SLEEP_Run << WDT_CONFIG_SLEEP_Pos | WDT_CONFIG_HALT_Pause
                                                                       << WDT_CONFIG_HALT_Pos;
  NRF_WDT->CRV = kWatchdogSeconds * kSlowClock - 1;
  NRF_WDT->RREN = WDT_RREN_RR0_Msk;
  NRF_WDT->TASKS_START = 1;
}

void feed_watchdog() {
  NRF_WDT->RR[0] = WDT_RR_RR_Reload;
}

}  // namespace chip
