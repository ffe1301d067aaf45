#pragma once
#include <Adafruit_LSM6DS33.h>

struct Adafruit_LSM6DS3TRC : Adafruit_LSM6DS {
  Adafruit_LSM6DS3TRC() : Adafruit_LSM6DS(2) {}
};
