// Circuit Playground Bluefruit: a LIS3DH on the inner bus. It has no gyroscope.
#include "../../sensor.h"

#include <Adafruit_LIS3DH.h>
#include <Adafruit_TinyUSB.h>
#include <Wire.h>

namespace sensor {
namespace {

constexpr uint8_t kAddress = 0x19;

Adafruit_LIS3DH chip(&Wire1);

}  // namespace

bytefed::SensorChip start() {
  if (!chip.begin(kAddress)) return bytefed::SensorChip::kNone;
  chip.setRange(
      LIS3DH_RANGE_4_G);  // as the other boards' sensors: running goes beyond the 2 g that it begins with
  return bytefed::SensorChip::kLis3dh;
}

bool read(float* axes) {
  sensors_event_t event;
  if (!chip.getEvent(&event)) return false;
  for (int i = 0; i < 3; ++i) {
    axes[i] = event.acceleration.v[i];
    axes[3 + i] = 0.0f;
  }
  return true;
}

}  // namespace sensor
