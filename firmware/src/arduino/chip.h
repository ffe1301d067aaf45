// What the app needs of the nRF52840 itself.
#pragma once
#include "bytefed/protocol/message.h"

namespace chip {

uint64_t uid();       // FICR DEVICEID
uint16_t random16();  // from the chip's noise; before the radio is started, which then owns the source
uint32_t millis();
bytefed::ResetCause reset_cause();
uint32_t free_ram();  // bytes of the heap that were never handed out

// Resets a board whose app makes no step for 30 s. Once started it runs until power or reset button stop it,
// through the software reset that begins an upload, too: so the time is longer than an upload takes.
void start_watchdog();
void feed_watchdog();

// Lets others have the processor for about a millisecond.
void rest();

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
