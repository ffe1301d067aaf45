#include "sensors/lsm9ds1.h"

namespace emulator {
namespace {

constexpr uint8_t kAddress = 0x6B, kMagnetometer = 0x1E;
constexpr uint8_t kWhoAmI = 0x0F, kIdentity = 0x68, kMagnetometerIdentity = 0x3D;
constexpr uint8_t kCtrl1G = 0x10, kStatusG = 0x17, kOutG = 0x18, kOutGEnd = 0x1E, kCtrl6Xl = 0x20,
                  kCtrl8 = 0x22, kStatusXl = 0x27, kOutXl = 0x28, kOutXlEnd = 0x2E, kFifoSource = 0x2F;
constexpr uint8_t kReset = 0x01, kIncrement = 0x04, kBoot = 0x80;
constexpr uint8_t kNewAcceleration = 0x01, kNewTurn = 0x02, kNewTemperature = 0x04;

constexpr double kTogether[8] = {0, 14.9, 59.5, 119, 238, 476, 952};  // by ODR_G: gyroscope and accelerometer
constexpr double kAlone[8] = {0, 10, 50, 119, 238, 476, 952};         // by ODR_XL: the accelerometer alone
// Table 3 of the datasheet.
constexpr double kAccelerationSteps[4] = {0.061e-3, 0.732e-3, 0.122e-3, 0.244e-3};  // g: 2, 16, 4, 8 g
constexpr double kTurnSteps[4] = {8.75e-3, 17.5e-3, 70e-3, 70e-3};  // degrees/s: 245, 500, -, 2000

}  // namespace

Lsm9ds1::Lsm9ds1(const Events& events, const Recording& recording)
    : MotionSensor(kAddress, events, recording) {
  power_up();
}

void Lsm9ds1::power_up() {
  forget();
  reg(kCtrl8) = kIncrement;
}

double Lsm9ds1::rate() {
  const double together = kTogether[reg(kCtrl1G) >> 5];
  return together > 0 ? together : kAlone[reg(kCtrl6Xl) >> 5];
}

// While its part of the chip is switched off, a reading is 0.
MotionSensor::Raw Lsm9ds1::read_acceleration() {
  if (rate() == 0) return {};
  return acceleration(kAccelerationSteps[reg(kCtrl6Xl) >> 3 & 3]);
}

MotionSensor::Raw Lsm9ds1::read_turn() {
  if (reg(kCtrl1G) >> 5 == 0) return {};
  return turn(kTurnSteps[reg(kCtrl1G) >> 3 & 3]);
}

uint8_t Lsm9ds1::get(uint8_t index) {
  if (index == kWhoAmI) return kIdentity;
  if (index == kStatusG || index == kStatusXl) {
    if (!is_new(rate())) return 0;
    return reg(kCtrl1G) >> 5 ? kNewAcceleration | kNewTurn | kNewTemperature : kNewAcceleration;
  }
  if (index == kFifoSource) return is_new(rate()) ? 1 : 0;
  if (index >= kOutG && index < kOutGEnd) return byte_of(read_turn(), index - kOutG);
  if (index >= kOutXl && index < kOutXlEnd) {
    fetched();
    return byte_of(read_acceleration(), index - kOutXl);
  }
  return reg(index);
}

void Lsm9ds1::set(uint8_t index, uint8_t value) {
  if (index == kCtrl8 && (value & (kReset | kBoot))) return power_up();
  if (index == kWhoAmI || index == kStatusG || index == kStatusXl || (index >= kOutXl && index < kOutXlEnd))
    return;
  reg(index) = value;
}

bool Lsm9ds1::increments(uint8_t, uint8_t) const {
  return (reg(kCtrl8) & kIncrement) != 0;
}

Lsm9ds1Magnetometer::Lsm9ds1Magnetometer() : RegisterDevice(kMagnetometer) {}

uint8_t Lsm9ds1Magnetometer::get(uint8_t index) {
  return index == kWhoAmI ? kMagnetometerIdentity : registers_[index];
}

}  // namespace emulator
