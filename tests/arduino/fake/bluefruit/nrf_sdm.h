#pragma once
#include <cstdint>

uint32_t sd_softdevice_is_enabled(uint8_t* enabled);
