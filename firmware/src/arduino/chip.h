// The functions of the nRF52840 chip that the app needs.
#pragma once
#include "bytefed/protocol/message.h"

namespace chip {

uint64_t uid();  // FICR DEVICEID
// Fills memory with bytes of the chip's noise source, as they come. False: there are not enough now.
bool noise(uint8_t* bytes, size_t length);
// Does so by the source's registers, which on Bluefruit boards belong to the radio once that has started.
bool read_noise(uint8_t* bytes, size_t length);
uint32_t millis();
bytefed::ResetCause reset_cause();
uint32_t free_ram();  // number of bytes of the heap that were never handed out

// Starts the watchdog, which resets a board whose app makes no step for 30 s. Only loss of power or the reset
// button stop it. It keeps running through the software reset that begins an upload, so 30 s is longer than
// an upload takes.
void start_watchdog();
void feed_watchdog();

// Gives the processor away for `ms` milliseconds, or until wake() is called, whichever is first. Bluefruit's
// kernel puts the chip to sleep from 2 ms on.
void rest(uint32_t ms);
// Ends the app's rest; if it isn't resting, its next rest ends at once. Tasks and, on the Nano, interrupts
// call it when there is something for the app.
void wake();

#if defined(ARDUINO_ARDUINO_NANO33BLE)
constexpr bytefed::Model kBoard = bytefed::Model::kNano33Ble;
#elif defined(ARDUINO_NRF52840_FEATHER_SENSE)
constexpr bytefed::Model kBoard = bytefed::Model::kFeatherSense;
#elif defined(ARDUINO_NRF52840_FEATHER)
constexpr bytefed::Model kBoard = bytefed::Model::kFeather;
#elif defined(ARDUINO_NRF52840_ITSYBITSY)
constexpr bytefed::Model kBoard = bytefed::Model::kItsyBitsy;
#elif defined(ARDUINO_NRF52840_CIRCUITPLAY)
constexpr bytefed::Model kBoard = bytefed::Model::kCircuitPlayground;
#else
#error "platformio.ini has no environment for this board"
#endif

}  // namespace chip
