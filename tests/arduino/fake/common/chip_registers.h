// The registers that chip.cpp touches, as memory.
#pragma once
#include <cstdint>

struct FakeFicr {
  uint32_t DEVICEID[2];
};
struct FakePower {
  uint32_t RESETREAS;
};

// A write to RR[0] feeds.
struct FakeReload {
  FakeReload& operator=(uint32_t value);
};
struct FakeWatchdog {
  uint32_t RUNSTATUS, CONFIG, CRV, RREN, TASKS_START;
  FakeReload RR[1];
};
// Reading the event lets the generator go on, if it works.
struct FakeReady {
  FakeReady& operator=(uint32_t) { return *this; }
  operator uint32_t() const;
};
struct FakeValue {
  operator uint32_t() const;
};
struct FakeNoise {
  uint32_t CONFIG, TASKS_START, TASKS_STOP;
  FakeReady EVENTS_VALRDY;
  FakeValue VALUE;
};

extern FakeFicr* NRF_FICR;
extern FakeNoise* NRF_RNG;
extern FakePower* NRF_POWER;
extern FakeWatchdog* NRF_WDT;

enum : uint32_t {
  RNG_CONFIG_DERCEN_Enabled = 1,
  WDT_CONFIG_SLEEP_Run = 1,
  WDT_CONFIG_SLEEP_Pos = 0,
  WDT_CONFIG_HALT_Pause = 0,
  WDT_CONFIG_HALT_Pos = 3,
  WDT_RREN_RR0_Msk = 1,
  WDT_RR_RR_Reload = 0x6E524635,
  POWER_RESETREAS_RESETPIN_Msk = 1,
  POWER_RESETREAS_DOG_Msk = 2,
  POWER_RESETREAS_SREQ_Msk = 4,
};
