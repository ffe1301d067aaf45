#pragma once
#include "fake_tflm.h"
