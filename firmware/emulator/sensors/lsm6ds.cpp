#include "sensors/lsm6ds.h"

namespace emulator {
namespace {

constexpr uint8_t kAddress = 0x6A;  // SA0 is low on the Feather Sense
constexpr uint8_t kWhoAmI = 0x0F, kCtrl1Xl = 0x10, kCtrl2G = 0x11, kCtrl3C = 0x12, kStatus = 0x1E,
                  kOutTemp = 0x20, kOutG = 0x22, kOutXl = 0x28, kOutEnd = 0x2E;
constexpr uint8_t kReset = 0x01, kIncrement = 0x04;
constexpr uint8_t kNewAcceleration = 0x01, kNewTurn = 0x02, kNewTemperature = 0x04;

// Rates by ODR_XL and ODR_G; "Register mapping", tables 46 and 50.
constexpr double kRates[16] = {0, 12.5, 26, 52, 104, 208, 416, 833, 1660, 3330, 6660};
constexpr double kAccelerationSteps[4] = {0.061e-3, 0.488e-3, 0.122e-3, 0.244e-3};  // g: 2, 16, 4, 8 g
constexpr double kTurnSteps[4] = {8.75e-3, 17.5e-3, 35e-3, 70e-3};  // degrees/s: 245, 500, 1000, 2000
constexpr double kTurnStep125 = 4.375e-3;

}  // namespace

Lsm6ds::Lsm6ds(Kind kind, const Events& events, const Recording& recording)
    : MotionSensor(kAddress, events, recording), kind_(kind) {
  power_up();
}

void Lsm6ds::power_up() {
  forget();
  reg(kCtrl3C) = kIncrement;
}

// While its part of the chip is switched off, a reading is 0.
MotionSensor::Raw Lsm6ds::read_acceleration() {
  if (reg(kCtrl1Xl) >> 4 == 0) return {};
  return acceleration(kAccelerationSteps[reg(kCtrl1Xl) >> 2 & 3]);
}

MotionSensor::Raw Lsm6ds::read_turn() {
  if (reg(kCtrl2G) >> 4 == 0) return {};
  return turn(reg(kCtrl2G) & 2 ? kTurnStep125 : kTurnSteps[reg(kCtrl2G) >> 2 & 3]);
}

uint8_t Lsm6ds::get(uint8_t index) {
  if (index == kWhoAmI) return static_cast<uint8_t>(kind_);
  if (index == kStatus) {
    const bool acceleration_new = is_new(kRates[reg(kCtrl1Xl) >> 4]),
               turn_new = is_new(kRates[reg(kCtrl2G) >> 4]);
    return static_cast<uint8_t>((acceleration_new ? kNewAcceleration : 0) |
                                (turn_new ? kNewTurn | kNewTemperature : 0));
  }
  if (index >= kOutXl && index < kOutEnd) {
    fetched();
    return byte_of(read_acceleration(), index - kOutXl);
  }
  if (index >= kOutG && index < kOutXl) return byte_of(read_turn(), index - kOutG);
  if (index >= kOutTemp && index < kOutG) return 0;  // 25 degrees
  return reg(index);
}

void Lsm6ds::set(uint8_t index, uint8_t value) {
  if (index == kCtrl3C && (value & kReset)) return power_up();
  if (index == kWhoAmI || (index >= kStatus && index < kOutEnd)) return;  // read only
  reg(index) = value;
}

bool Lsm6ds::increments(uint8_t, uint8_t) const {
  return (reg(kCtrl3C) & kIncrement) != 0;
}

}  // namespace emulator
