#pragma once
#include "fake_imu.h"

namespace {
FakeImu<1> IMU;
}
