#include "button.h"

#include <Arduino.h>

namespace button {
namespace {

constexpr uint32_t kBounce = 30, kLong = 800;  // ms

bool down = false;
uint32_t since = 0;

// The Nano has no button but the reset button.
bool is_down() {
#if !defined(PIN_BUTTON1)
  return false;
#elif defined(ARDUINO_NRF52840_CIRCUITPLAY)
  return digitalRead(PIN_BUTTON1) == HIGH;
#else
  return digitalRead(PIN_BUTTON1) == LOW;
#endif
}

}  // namespace

void start() {
#if defined(ARDUINO_NRF52840_CIRCUITPLAY)
  pinMode(PIN_BUTTON1, INPUT_PULLDOWN);
#elif defined(PIN_BUTTON1)
  pinMode(PIN_BUTTON1, INPUT_PULLUP);
#endif
}

Press poll(uint32_t now) {
  const bool pressed = is_down();
  if (pressed == down || now - since < kBounce) return Press::kNone;
  const uint32_t lasted = now - since;
  down = pressed;
  since = now;
  if (pressed) return Press::kNone;
  return lasted >= kLong ? Press::kLong : Press::kShort;
}

}  // namespace button
