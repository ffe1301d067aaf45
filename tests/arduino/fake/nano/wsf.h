// Cordio's scheduler. The linker puts the app's functions in place of the first two, as in an image.
#pragma once
#include <cstdint>

extern "C" {

void wsfOsDispatcher();
void wsf_mbed_ble_signal_event();
uint32_t WsfTimerNextExpiration(uint8_t* running);
}
