#include "sensors/motion_sensor.h"

#include <algorithm>
#include <cmath>

namespace emulator {
namespace {

constexpr double kGravity = 9.80665;                   // m/s^2 per g
constexpr double kDegrees = 57.295779513082320876798;  // per radian

int16_t steps(double value, double per_step) {
  return static_cast<int16_t>(std::clamp(std::floor(value / per_step + 0.5), -32768.0, 32767.0));
}

}  // namespace

MotionSensor::Raw MotionSensor::acceleration(double g_per_step) const {
  Raw raw;
  for (size_t i = 0; i < 3; ++i) raw[i] = steps(motion_[i] / kGravity, g_per_step);
  return raw;
}

MotionSensor::Raw MotionSensor::turn(double degrees_per_step) const {
  Raw raw;
  for (size_t i = 0; i < 3; ++i) raw[i] = steps(motion_[3 + i] * kDegrees, degrees_per_step);
  return raw;
}

bool MotionSensor::is_new(double hertz) {
  const auto count = [hertz](Cycles time) {
    return static_cast<uint64_t>(static_cast<double>(time) / kCyclesPerSecond * hertz);
  };
  return hertz > 0 && count(events_.now()) != count(fetched_);
}

}  // namespace emulator
