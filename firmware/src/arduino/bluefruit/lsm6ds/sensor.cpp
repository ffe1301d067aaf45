// Feather Sense: an LSM6DS33, on newer boards an LSM6DS3TR-C.
#include "../../sensor.h"

#include <Adafruit_LSM6DS33.h>
#include <Adafruit_LSM6DS3TRC.h>
#include <Adafruit_TinyUSB.h>

namespace sensor {
namespace {

using bytefed::SensorChip;

Adafruit_LSM6DS33 older;
Adafruit_LSM6DS3TRC newer;
Adafruit_LSM6DS* chip;

}  // namespace

SensorChip start() {
  if (older.begin_I2C()) {
    chip = &older;
    return SensorChip::kLsm6ds33;
  }
  if (newer.begin_I2C()) {
    chip = &newer;
    return SensorChip::kLsm6ds3trc;
  }
  return SensorChip::kNone;
}

bool read(float* axes) {
  sensors_event_t acceleration, turn, temperature;
  if (chip == nullptr || !chip->getEvent(&acceleration, &turn, &temperature)) return false;
  for (int i = 0; i < 3; ++i) {
    axes[i] = acceleration.acceleration.v[i];
    axes[3 + i] = turn.gyro.v[i];
  }
  return true;
}

}  // namespace sensor
