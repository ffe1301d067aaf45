#pragma once
#include <cstdint>

using osThreadId_t = void*;
enum : uint32_t { osFlagsWaitAny = 0 };

osThreadId_t osThreadGetId();
uint32_t osThreadFlagsWait(uint32_t flags, uint32_t options, uint32_t ms);
uint32_t osThreadFlagsSet(osThreadId_t thread, uint32_t flags);
