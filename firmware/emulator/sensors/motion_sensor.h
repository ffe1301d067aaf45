// The base of the motion sensors: registers, and readings of a recording in the sensor's own steps.
#pragma once
#include <array>

#include "chip/events.h"
#include "sensors/recording.h"
#include "sensors/register_device.h"

namespace emulator {

class MotionSensor : public RegisterDevice {
 public:
  MotionSensor(uint8_t address, const Events& events, const Recording& recording)
      : RegisterDevice(address), events_(events), recording_(recording) {}

 protected:
  using Raw = std::array<int16_t, 3>;

  // The motion when this transfer began: all bytes that are read in it belong together.
  void begin() override { motion_ = recording_.at(events_.now()); }
  // Acceleration in steps of so many g, rate of turn in steps of so many degrees a second.
  Raw acceleration(double g_per_step) const;
  Raw turn(double degrees_per_step) const;
  static uint8_t byte_of(const Raw& raw, unsigned index) {
    return static_cast<uint8_t>(static_cast<uint16_t>(raw[index / 2]) >> 8 * (index % 2));
  }

  // True if, at so many readings a second, a new one was made since the last was fetched.
  bool is_new(double hertz);
  void fetched() { fetched_ = events_.now(); }

  uint8_t& reg(uint8_t index) { return registers_[index]; }
  uint8_t reg(uint8_t index) const { return registers_[index]; }
  void forget() { registers_.fill(0); }

 private:
  const Events& events_;
  const Recording& recording_;
  Motion motion_{};
  Cycles fetched_ = 0;
  std::array<uint8_t, 256> registers_{};
};

}  // namespace emulator
