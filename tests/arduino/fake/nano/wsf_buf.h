#pragma once
#include "wsf_types.h"

struct wsfBufPoolDesc_t {
  uint16_t len;
  uint8_t num;
};
uint16_t WsfBufInit(uint8_t count, wsfBufPoolDesc_t* pools);
