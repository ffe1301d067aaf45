// ST's LSM9DS1 (datasheet DocID025715): accelerometer and gyroscope, and a magnetometer that has an address
// of its own. The Nano 33 BLE has one, and the Nano 33 BLE Sense of revision 1.
#pragma once
#include "sensors/motion_sensor.h"

namespace emulator {

class Lsm9ds1 : public MotionSensor {
 public:
  Lsm9ds1(const Events& events, const Recording& recording);

 protected:
  uint8_t get(uint8_t index) override;
  void set(uint8_t index, uint8_t value) override;
  uint8_t index_of(uint8_t selector) const override { return selector & 0x7F; }
  bool increments(uint8_t, uint8_t) const override;

 private:
  void power_up();
  double rate();
  Raw read_acceleration();
  Raw read_turn();
};

// Its magnetometer: it says who it is; there is no field.
class Lsm9ds1Magnetometer : public RegisterDevice {
 public:
  Lsm9ds1Magnetometer();

 protected:
  uint8_t get(uint8_t index) override;
  void set(uint8_t index, uint8_t value) override { registers_[index] = value; }
  uint8_t index_of(uint8_t selector) const override { return selector & 0x7F; }
  bool increments(uint8_t selector, uint8_t) const override { return (selector & 0x80) != 0; }

 private:
  std::array<uint8_t, 256> registers_{};
};

}  // namespace emulator
