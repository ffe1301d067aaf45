#include "wsf.h"

extern "C" {

void wsfOsDispatcher() {}
void wsf_mbed_ble_signal_event() {}
uint32_t WsfTimerNextExpiration(uint8_t* running) {
  *running = 0;
  return 0;
}
}
