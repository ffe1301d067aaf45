// The board's BLE link (SPEC 1.2): one frame is one ATT value.
#pragma once
#include "bytefed/session/sealed_link.h"

namespace ble {

// Longest ATT value: both board families support an MTU of 247.
constexpr uint8_t kFrame = 244;

// Makes the radio ready, under a name that ends with four digits of the uid. False if it doesn't start. It
// sends nothing and can't be connected to.
bool start(uint64_t uid);

// Advertises from now on. False if that fails.
bool advertise();

// The link without its seal.
bytefed::Link& link();

bool connected();

// Lets everybody near read this text, of up to kPhoneText bytes, from now on; 0 bytes: nothing.
void show(const char* text, size_t length);

// Hands the frames that arrived to the sealed link, which stands on link(). True if there were any.
bool poll(bytefed::SealedLink& seal);

}  // namespace ble
