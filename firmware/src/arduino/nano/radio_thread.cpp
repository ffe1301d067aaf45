// Lets the radio's thread sleep. ArduinoBLE's loop for it (HCICordioTransport.cpp) calls wsfOsDispatcher()
// and then waits in a busy loop for the rest of a millisecond, for ever: half the processor, awake or asleep.
// The linker puts the functions below in place of the dispatcher and of Cordio's signal that it has work
// (platformio.ini). A dispatcher that returns after more than a millisecond leaves that loop nothing to wait
// for.
#include <cmsis_os2.h>

#include <cstdint>

#include "../chip.h"

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
extern "C" {

void __real_wsfOsDispatcher();
uint32_t WsfTimerNextExpiration(uint8_t* running);

namespace {

constexpr uint32_t kWork = 1;                   // flag of the radio's thread
constexpr uint32_t kLongest = 1000, kTick = 1;  // ms

osThreadId_t radio = nullptr;  // known once it runs

// Milliseconds until Cordio's next timer. Its timers stand still while the thread sleeps; the loop sets them
// anew.
uint32_t patience() {
  uint8_t running = 0;
  const uint32_t ms = WsfTimerNextExpiration(&running);
  if (running == 0 || ms > kLongest) return kLongest;
  return ms > kTick ? ms : kTick;
}

}  // namespace

// Does what is to be done, then sleeps until there is more. The timers are as late as the sleep was long, so
// what wakes the thread is done in the next call, after the loop has set them.
void __wrap_wsfOsDispatcher() {
  radio = osThreadGetId();
  const uint32_t began = osKernelGetTickCount();
  do {
    __real_wsfOsDispatcher();
    chip::wake();  // it may have brought something for the app
    osThreadFlagsWait(kWork, osFlagsWaitAny, patience());
  } while (osKernelGetTickCount() - began <= kTick);
}

// Called by tasks and interrupts.
void __wrap_wsf_mbed_ble_signal_event() {
  if (radio != nullptr) osThreadFlagsSet(radio, kWork);
}
}
// NOLINTEND(bugprone-reserved-identifier)
