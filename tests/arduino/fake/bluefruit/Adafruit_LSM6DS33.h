#pragma once
#include "../common/world.h"

struct FakeVector {
  float v[3];
};
struct sensors_event_t {
  FakeVector acceleration, gyro;
};
struct Adafruit_LSM6DS {
  explicit Adafruit_LSM6DS(int chip = 1) : chip_(chip) {}
  bool begin_I2C() { return world.imu == chip_; }
  bool getEvent(sensors_event_t* acceleration, sensors_event_t* turn, sensors_event_t*) {
    for (int i = 0; i < 3; ++i)
      acceleration->acceleration.v[i] = world.acceleration[i], turn->gyro.v[i] = world.turn[i];
    return world.imu == chip_;
  }
  int chip_;
};
struct Adafruit_LSM6DS33 : Adafruit_LSM6DS {};
