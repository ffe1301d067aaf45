#pragma once
#include "fake_imu.h"

namespace {
FakeImu<2> IMU;
}
