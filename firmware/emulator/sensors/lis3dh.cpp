#include "sensors/lis3dh.h"

#include <algorithm>

namespace emulator {
namespace {

constexpr uint8_t kAddress = 0x19;  // SA0 is high on the Circuit Playground
constexpr uint8_t kWhoAmI = 0x0F, kIdentity = 0x33, kCtrl1 = 0x20, kCtrl4 = 0x23, kStatus = 0x27, kOut = 0x28,
                  kOutEnd = 0x2E;
constexpr uint8_t kLowPower = 0x08, kHighResolution = 0x08;  // in CTRL_REG1 and CTRL_REG4
constexpr uint8_t kNewReading = 0x0F;

constexpr double kRates[16] = {0, 1, 10, 25, 50, 100, 200, 400, 1600, 1344};
// g for a step of 12 bits, by FS: tables 4 and 10 of the datasheet. A step of 10 bits is 4 of them, one of 8
// bits is 16.
constexpr double kSteps[4] = {1e-3, 2e-3, 4e-3, 12e-3};

}  // namespace

Lis3dh::Lis3dh(const Events& events, const Recording& recording) : MotionSensor(kAddress, events, recording) {
  reg(kCtrl1) = 0x07;
}

// Readings stand at the left of 16 bits: 12, 10 or 8 of them count.
MotionSensor::Raw Lis3dh::read_acceleration() {
  if (reg(kCtrl1) >> 4 == 0) return {};
  const unsigned lost = reg(kCtrl4) & kHighResolution ? 0 : reg(kCtrl1) & kLowPower ? 4 : 2;
  const int step = 1 << (4 + lost);
  Raw raw = acceleration(kSteps[reg(kCtrl4) >> 4 & 3] * (1 << lost));
  for (int16_t& axis : raw) {
    axis = static_cast<int16_t>(std::clamp(static_cast<int>(axis) * step, -32768, 32768 - step));
  }
  return raw;
}

uint8_t Lis3dh::get(uint8_t index) {
  if (index == kWhoAmI) return kIdentity;
  if (index == kStatus) return is_new(kRates[reg(kCtrl1) >> 4]) ? kNewReading : 0;
  if (index >= kOut && index < kOutEnd) {
    fetched();
    return byte_of(read_acceleration(), index - kOut);
  }
  return reg(index);
}

void Lis3dh::set(uint8_t index, uint8_t value) {
  if (index == kWhoAmI || (index >= kStatus && index < kOutEnd)) return;  // read only
  reg(index) = value;
}

}  // namespace emulator
