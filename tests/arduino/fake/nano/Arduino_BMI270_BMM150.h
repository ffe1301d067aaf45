#pragma once
#include "fake_imu.h"

enum CfgBoshSensor_t { BOSCH_ACCELEROMETER_ONLY, BOSCH_MAGNETOMETER_ONLY, BOSCH_ACCEL_AND_MAGN };

// The library's begin() (1.2.3) forgets what came of the BMI270 once it has asked for the BMM150, whose
// driver takes no notice of a bus that does not answer: it finds both on every board.
struct FakeBmi270 : FakeImu<2> {
  int begin(CfgBoshSensor_t parts = BOSCH_ACCEL_AND_MAGN) {
    return parts != BOSCH_ACCELEROMETER_ONLY || FakeImu<2>::begin();
  }
};

namespace {
FakeBmi270 IMU;
}
