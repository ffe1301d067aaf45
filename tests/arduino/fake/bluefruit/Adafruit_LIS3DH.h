#pragma once
#include <Adafruit_LSM6DS33.h>
#include <Wire.h>

struct Adafruit_LIS3DH {
  explicit Adafruit_LIS3DH(FakeWire*) {}
  bool begin(uint8_t address) { return address == 0x19 && world.imu == 3; }
  bool getEvent(sensors_event_t* event) {
    for (int i = 0; i < 3; ++i) event->acceleration.v[i] = world.acceleration[i];
    return world.imu == 3;
  }
};
