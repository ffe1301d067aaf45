#pragma once
#include "wsf_types.h"

void wsfOsDispatcher();
bool_t wsfOsReadyToSleep();
