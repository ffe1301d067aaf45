// In a file of its own: both sensor libraries call their object IMU.
#include <Arduino_LSM9DS1.h>

#include "imu.h"

namespace {

// The library (1.1.1) takes a step of the gyroscope for 2000 / 32768 degrees a second; by the chip's
// datasheet (DocID025715, table 3) it is 0.070.
constexpr float kTrueTurn = 0.070f / (2000.0f / 32768.0f);

}  // namespace

bool start_lsm9ds1() {
  return IMU.begin() != 0;
}

bool read_lsm9ds1(float* axes) {
  if (IMU.readAcceleration(axes[0], axes[1], axes[2]) == 0) return false;
  if (IMU.readGyroscope(axes[3], axes[4], axes[5]) == 0) return false;
  for (int i = 3; i < 6; ++i) axes[i] *= kTrueTurn;
  return true;
}
