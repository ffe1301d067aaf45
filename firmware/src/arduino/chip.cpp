#include "chip.h"

#include <Arduino.h>

namespace chip {
namespace {

constexpr uint32_t kStarts = 4, kLooks = 20000;  // at the noise source: ms for a byte that takes 0.2 ms
constexpr uint32_t kWatchdogSeconds = 30, kSlowClock = 32768;  // Hz

}  // namespace

uint64_t uid() {
  return static_cast<uint64_t>(NRF_FICR->DEVICEID[1]) << 32 | NRF_FICR->DEVICEID[0];
}

// Others may stop the source in between, so it is started anew when it gives nothing.
bool read_noise(uint8_t* bytes, size_t length) {
  NRF_RNG->CONFIG = RNG_CONFIG_DERCEN_Enabled;
  for (size_t i = 0; i < length; ++i) {
    NRF_RNG->EVENTS_VALRDY = 0;
    uint32_t looks = kStarts * kLooks;
    for (; NRF_RNG->EVENTS_VALRDY == 0 && looks > 0; --looks) {
      if (looks % kLooks == 0) NRF_RNG->TASKS_START = 1;
    }
    if (looks == 0) return false;
    bytes[i] = static_cast<uint8_t>(NRF_RNG->VALUE);
  }
  NRF_RNG->TASKS_STOP = 1;
  return true;
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
