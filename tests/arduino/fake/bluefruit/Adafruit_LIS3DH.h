#pragma once
#include <Adafruit_LSM6DS33.h>
#include <Wire.h>

enum lis3dh_range_t { LIS3DH_RANGE_2_G, LIS3DH_RANGE_4_G, LIS3DH_RANGE_8_G, LIS3DH_RANGE_16_G };

// A value beyond its range is read as the end of the range.
struct Adafruit_LIS3DH {
  explicit Adafruit_LIS3DH(FakeWire*) {}
  bool begin(uint8_t address) { return address == 0x19 && world.imu == 3; }
  bool getEvent(sensors_event_t* event) {
    for (int i = 0; i < 3; ++i) {
      const float value = world.acceleration[i];
      event->acceleration.v[i] = value > most_ ? most_ : value < -most_ ? -most_ : value;
    }
    return world.imu == 3;
  }
  void setRange(lis3dh_range_t range) { most_ = static_cast<float>(2 << range) * 9.80665f; }

 private:
  float most_ = 2 * 9.80665f;
};
