#pragma once
#include <cstdint>

using bool_t = uint8_t;
