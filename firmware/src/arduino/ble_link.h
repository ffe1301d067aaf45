// The board's BLE link (SPEC 1.2): one frame is one ATT value.
#pragma once
#include "bytefed/session/session.h"

namespace ble {

// Longest ATT value: an MTU of 247 is what both families can have.
constexpr uint8_t kFrame = 244;

// Switches the radio on and advertises. False when it doesn't start. The name that it advertises ends with
// four digits of the uid.
bool start(uint64_t uid);

bool connected();

// Hands the frames that arrived to the session. True when there were any.
bool poll(bytefed::Session& session);

}  // namespace ble
