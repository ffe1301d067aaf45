#include "arduino.h"

#include "world.h"

namespace {

FakeFicr ficr = {{0x89ABCDEFu, 0x01234567u}};
FakeNoise noise = {};
FakePower power = {POWER_RESETREAS_DOG_Msk};
FakeWatchdog watchdog = {};

}  // namespace

FakeFicr* NRF_FICR = &ficr;
FakeNoise* NRF_RNG = &noise;
FakePower* NRF_POWER = &power;
FakeWatchdog* NRF_WDT = &watchdog;

FakeReload& FakeReload::operator=(uint32_t value) {
  if (value == WDT_RR_RR_Reload) ++world.watchdog_feeds;
  return *this;
}

unsigned long millis() {
  return world.now;
}
void pinMode(int, int) {}
