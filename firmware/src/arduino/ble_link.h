// The board's BLE link (SPEC 1.2): one frame is one ATT value.
#pragma once
#include "bytefed/session/session.h"

namespace ble {

// Longest ATT value: both board families support an MTU of 247.
constexpr uint8_t kFrame = 244;

// Switches the radio on and advertises, under a name that ends with four digits of the uid. False if the
// radio doesn't start.
bool start(uint64_t uid);

bool connected();

// Hands the frames that arrived to the session. True if there were any.
bool poll(bytefed::Session& session);

}  // namespace ble
