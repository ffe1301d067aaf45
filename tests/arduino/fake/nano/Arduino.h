#pragma once
#include "../common/arduino.h"

enum { LEDR = 22, LEDG = 23, LEDB = 24 };
