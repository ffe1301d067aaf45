// Bosch's BMI270 (datasheet BST-BMI270-DS000), accelerometer and gyroscope, which measures only once its
// configuration file was uploaded; and the BMM150 magnetometer beside it. The Nano 33 BLE Sense of revision 2
// has them, turned by a quarter on the board.
#pragma once
#include "sensors/motion_sensor.h"

namespace emulator {

class Bmi270 : public MotionSensor {
 public:
  Bmi270(const Events& events, const Recording& recording);

 protected:
  uint8_t get(uint8_t index) override;
  void set(uint8_t index, uint8_t value) override;
  bool increments(uint8_t, uint8_t index) const override;

 private:
  void power_up();
  void upload(uint8_t byte);
  void finish_upload();
  uint8_t status();
  Raw read_acceleration();
  Raw read_turn();

  // The configuration as it arrives: pieces at addresses that are written before each of them.
  std::array<bool, 8192> uploaded_{};
  uint32_t upload_at_ = 0;
};

// It says who it is, once it has power; there is no field.
class Bmm150 : public RegisterDevice {
 public:
  Bmm150();

 protected:
  uint8_t get(uint8_t index) override;
  void set(uint8_t index, uint8_t value) override;

 private:
  std::array<uint8_t, 256> registers_{};
};

}  // namespace emulator
