// ST's LIS3DH accelerometer (datasheet DocID17530): the Circuit Playground Bluefruit has one.
#pragma once
#include "sensors/motion_sensor.h"

namespace emulator {

class Lis3dh : public MotionSensor {
 public:
  Lis3dh(const Events& events, const Recording& recording);

 protected:
  uint8_t get(uint8_t index) override;
  void set(uint8_t index, uint8_t value) override;
  uint8_t index_of(uint8_t selector) const override { return selector & 0x7F; }
  bool increments(uint8_t selector, uint8_t) const override { return (selector & 0x80) != 0; }

 private:
  Raw read_acceleration();
};

}  // namespace emulator
