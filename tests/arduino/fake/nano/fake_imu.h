// The readings of both inertial sensors' libraries, in g and degrees a second. world.imu names the chip that
// the board has.
#pragma once
#include "../common/world.h"

template <int Chip>
struct FakeImu {
  int begin() { return world.imu == Chip; }
  int readAcceleration(float& x, float& y, float& z) {
    x = world.acceleration[0] / 9.80665f, y = world.acceleration[1] / 9.80665f,
    z = world.acceleration[2] / 9.80665f;
    return world.imu == Chip;
  }
  int readGyroscope(float& x, float& y, float& z) {
    x = world.turn[0] * 57.29578f, y = world.turn[1] * 57.29578f, z = world.turn[2] * 57.29578f;
    return world.imu == Chip;
  }
};
