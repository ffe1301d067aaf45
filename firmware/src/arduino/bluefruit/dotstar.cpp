// The ItsyBitsy's DotStar: data and clock come from two ordinary pins.
#include <Arduino.h>

#include "../lamp.h"

#ifdef PIN_DOTSTAR_DATA

namespace lamp {
namespace {

constexpr uint8_t kBrightness = 12;  // of 255

void put(uint32_t word) {
  for (int bit = 31; bit >= 0; --bit) {
    digitalWrite(PIN_DOTSTAR_DATA, (word >> bit & 1u) != 0 ? HIGH : LOW);
    digitalWrite(PIN_DOTSTAR_CLOCK, HIGH);
    digitalWrite(PIN_DOTSTAR_CLOCK, LOW);
  }
}

}  // namespace

void start() {
  pinMode(PIN_DOTSTAR_DATA, OUTPUT);
  pinMode(PIN_DOTSTAR_CLOCK, OUTPUT);
}

// Zeros begin a frame, and zeros at its end latch it, which newer versions of the chip need.
void set(Colour colour) {
  put(0);
  put(0xFF000000u | (colour.blue * kBrightness) << 16 | (colour.green * kBrightness) << 8 |
      colour.red * kBrightness);
  put(0);
}

}  // namespace lamp

#endif
