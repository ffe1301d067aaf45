// POWER and CLOCK, which share a page: clocks that start at once, reset reasons, retained registers, the USB
// regulator. nRF52840 Product Specification, "POWER - Power supply" and "CLOCK - Clock control".
#pragma once
#include "chip/peripheral.h"

namespace emulator {

class PowerClock : public Peripheral {
 public:
  explicit PowerClock(Chip& chip);

  void start(uint32_t task) override;
  void reset(Reset kind) override;

  // The cable's 5 V come or go.
  void set_vbus(bool on);

 protected:
  void on_write(uint32_t offset, uint32_t value) override;
  uint32_t on_read(uint32_t offset) override;

 private:
  Alarm calibration_;
  Alarm calibration_timer_;
  bool high_runs_ = false;
  bool low_runs_ = false;
  bool vbus_ = true;
  uint32_t reasons_ = 0;  // RESETREAS
};

}  // namespace emulator
