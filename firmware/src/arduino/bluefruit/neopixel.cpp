// A NeoPixel, driven by the chip's PWM. Adafruit's library is not used, since its show() takes memory from
// the heap each time.
#include <Arduino.h>

#include "../lamp.h"

#ifdef PIN_NEOPIXEL

namespace lamp {
namespace {

constexpr uint16_t kTop = 20;                               // 1.25 us at 16 MHz: one bit
constexpr uint16_t kZero = 6 | 0x8000, kOne = 13 | 0x8000;  // high for 0.4 or 0.8 us
constexpr size_t kBits = 24, kReset = 50;                   // 62 us low end the data
constexpr uint8_t kBrightness = 12;                         // of 255

uint16_t sequence[kBits + kReset];

void put(size_t at, uint8_t value) {
  for (size_t bit = 0; bit < 8; ++bit) sequence[at + bit] = (value >> (7 - bit) & 1u) != 0 ? kOne : kZero;
}

}  // namespace

void start() {
#ifdef PIN_NEOPIXEL_POWER
  pinMode(PIN_NEOPIXEL_POWER, OUTPUT);
  digitalWrite(PIN_NEOPIXEL_POWER, HIGH);
#endif
  pinMode(PIN_NEOPIXEL, OUTPUT);
  for (uint16_t& value : sequence) value = 0x8000;  // low
  NRF_PWM2->PSEL.OUT[0] = g_ADigitalPinMap[PIN_NEOPIXEL];
  NRF_PWM2->ENABLE = 1;
  NRF_PWM2->MODE = PWM_MODE_UPDOWN_Up;
  NRF_PWM2->PRESCALER = PWM_PRESCALER_PRESCALER_DIV_1;
  NRF_PWM2->COUNTERTOP = kTop;
  NRF_PWM2->LOOP = 0;
  NRF_PWM2->DECODER = PWM_DECODER_LOAD_Common | PWM_DECODER_MODE_RefreshCount << PWM_DECODER_MODE_Pos;
  NRF_PWM2->SEQ[0].PTR = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(sequence));
  NRF_PWM2->SEQ[0].CNT = kBits + kReset;
  NRF_PWM2->SEQ[0].REFRESH = 0;
  NRF_PWM2->SEQ[0].ENDDELAY = 0;
}

void set(Colour colour) {
  put(0, colour.green != 0 ? kBrightness : 0);
  put(8, colour.red != 0 ? kBrightness : 0);
  put(16, colour.blue != 0 ? kBrightness : 0);
  NRF_PWM2->TASKS_SEQSTART[0] = 1;
}

}  // namespace lamp

#endif
