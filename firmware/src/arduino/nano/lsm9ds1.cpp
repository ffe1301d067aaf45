// In a file of its own: both sensor libraries call their object IMU.
#include <Arduino_LSM9DS1.h>

#include "imu.h"

bool start_lsm9ds1() {
  return IMU.begin() != 0;
}

bool read_lsm9ds1(float* axes) {
  return IMU.readAcceleration(axes[0], axes[1], axes[2]) != 0 &&
         IMU.readGyroscope(axes[3], axes[4], axes[5]) != 0;
}
