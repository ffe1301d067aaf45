#pragma once
#include "wsf_types.h"

using wsfTimerTicks_t = uint32_t;
void WsfTimerInit();
void WsfTimerUpdate(wsfTimerTicks_t ticks);
wsfTimerTicks_t WsfTimerNextExpiration(bool_t* running);
