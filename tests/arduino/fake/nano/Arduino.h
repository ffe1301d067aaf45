#pragma once
#include "../common/arduino.h"
#include "radio_and_flash.h"

struct FakeUsb {
  uint32_t INTENCLR;
};
extern FakeUsb* NRF_USBD;
enum : uint32_t { USBD_INTENCLR_SOF_Msk = 1u << 21 };

#define PIN_PDM_DIN 29
enum { LEDR = 22, LEDG = 23, LEDB = 24 };
