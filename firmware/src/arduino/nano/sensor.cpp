#include "../sensor.h"

#include "imu.h"

namespace sensor {
namespace {

using bytefed::SensorChip;

constexpr float kGravity = 9.80665f, kRadians = 0.017453293f;  // m/s^2 per g, radians per degree

SensorChip found = SensorChip::kNone;

}  // namespace

SensorChip start() {
  if (start_bmi270()) {
    found = SensorChip::kBmi270;
  } else if (start_lsm9ds1()) {
    found = SensorChip::kLsm9ds1;
  }
  return found;
}

bool read(float* axes) {
  if (!(found == SensorChip::kBmi270 ? read_bmi270(axes) : read_lsm9ds1(axes))) return false;
  for (int i = 0; i < 3; ++i) {
    axes[i] *= kGravity;
    axes[3 + i] *= kRadians;
  }
  return true;
}

}  // namespace sensor
