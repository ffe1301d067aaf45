#pragma once
#include "wsf_types.h"

void* WsfMsgAlloc(uint16_t length);
