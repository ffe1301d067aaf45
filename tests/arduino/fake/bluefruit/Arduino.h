#pragma once
#include "../common/arduino.h"
#include "rtos.h"

#define PIN_BUTTON1 7
#if defined(ARDUINO_NRF52840_FEATHER_SENSE) || defined(ARDUINO_NRF52840_CIRCUITPLAY)
#define PIN_PDM_DIN 34
#endif
#ifdef ARDUINO_NRF52840_ITSYBITSY
#define PIN_DOTSTAR_DATA 8
#define PIN_DOTSTAR_CLOCK 6
#else
#define PIN_NEOPIXEL 8
#endif

extern const uint32_t g_ADigitalPinMap[16];
uint32_t readResetReason();
int dbgHeapTotal();
extern "C" void* _malloc_r(struct _reent*, size_t size);

struct FakePwmSequence {
  uint32_t PTR, CNT, REFRESH, ENDDELAY;
};
struct FakeStart {
  FakeStart& operator=(uint32_t);
};
struct FakePwm {
  struct {
    uint32_t OUT[4];
  } PSEL;
  uint32_t ENABLE, MODE, PRESCALER, COUNTERTOP, LOOP, DECODER;
  FakePwmSequence SEQ[2];
  FakeStart TASKS_SEQSTART[2];
};
extern FakePwm* NRF_PWM2;
enum : uint32_t {
  PWM_MODE_UPDOWN_Up = 0,
  PWM_PRESCALER_PRESCALER_DIV_1 = 0,
  PWM_DECODER_LOAD_Common = 0,
  PWM_DECODER_MODE_RefreshCount = 0,
  PWM_DECODER_MODE_Pos = 8,
};
