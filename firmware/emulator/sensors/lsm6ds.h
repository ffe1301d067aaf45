// ST's LSM6DS33 and LSM6DS3TR-C, accelerometer and gyroscope (datasheets DocID027423 and DocID030071): the
// Feather Sense has one.
#pragma once
#include "sensors/motion_sensor.h"

namespace emulator {

class Lsm6ds : public MotionSensor {
 public:
  enum class Kind : uint8_t { kLsm6ds33 = 0x69, kLsm6ds3trc = 0x6A };  // what WHO_AM_I says
  Lsm6ds(Kind kind, const Events& events, const Recording& recording);

 protected:
  uint8_t get(uint8_t index) override;
  void set(uint8_t index, uint8_t value) override;
  bool increments(uint8_t selector, uint8_t index) const override;

 private:
  void power_up();
  Raw read_acceleration();
  Raw read_turn();

  Kind kind_;
};

}  // namespace emulator
