// In a file of its own: both sensor libraries call their object IMU.
#include <Arduino_BMI270_BMM150.h>

#include "imu.h"

bool start_bmi270() {
  // Without the magnetometer: with it, the library (1.2.3) finds a BMI270 on every board, even on one
  // without.
  return IMU.begin(BOSCH_ACCELEROMETER_ONLY) != 0;
}

bool read_bmi270(float* axes) {
  return IMU.readAcceleration(axes[0], axes[1], axes[2]) != 0 &&
         IMU.readGyroscope(axes[3], axes[4], axes[5]) != 0;
}
