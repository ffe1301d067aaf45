#pragma once
#include "fake_imu.h"

// As the library (1.1.1) does, it reads a turn too low: its step is that of a range of 2,000 degrees a second
// in 15 bits, the chip's is 0.070 (datasheet DocID025715, table 3).
struct FakeLsm9ds1 : FakeImu<1> {
  int readGyroscope(float& x, float& y, float& z) {
    const int read = FakeImu<1>::readGyroscope(x, y, z);
    for (float* axis : {&x, &y, &z}) *axis *= 2000.0f / 32768.0f / 0.070f;
    return read;
  }
};

namespace {
FakeLsm9ds1 IMU;
}
