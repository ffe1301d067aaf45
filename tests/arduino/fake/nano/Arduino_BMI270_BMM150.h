// In g and degrees a second, as the library gives them.
#pragma once
#include "../common/world.h"

namespace {
struct FakeBMI270_BMM150 {
  int begin() { return world.imu == 2; }
  int readAcceleration(float& x, float& y, float& z) {
    x = world.acceleration[0] / 9.80665f, y = world.acceleration[1] / 9.80665f,
    z = world.acceleration[2] / 9.80665f;
    return world.imu == 2;
  }
  int readGyroscope(float& x, float& y, float& z) {
    x = world.turn[0] * 57.29578f, y = world.turn[1] * 57.29578f, z = world.turn[2] * 57.29578f;
    return world.imu == 2;
  }
} IMU;
}  // namespace
