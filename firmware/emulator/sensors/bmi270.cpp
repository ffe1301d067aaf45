#include "sensors/bmi270.h"

#include <algorithm>

namespace emulator {
namespace {

constexpr uint8_t kAddress = 0x68;
constexpr uint8_t kChipId = 0x00, kIdentity = 0x24, kStatus = 0x03, kAccX = 0x0C, kGyrX = 0x12,
                  kGyrEnd = 0x18, kIntStatus1 = 0x1D, kInternalStatus = 0x21, kTemperature = 0x22,
                  kFifoData = 0x26, kAccConf = 0x40, kAccRange = 0x41, kGyrConf = 0x42, kGyrRange = 0x43,
                  kInitCtrl = 0x59, kInitAddr0 = 0x5B, kInitAddr1 = 0x5C, kInitData = 0x5E, kPwrConf = 0x7C,
                  kPwrCtrl = 0x7D, kCmd = 0x7E;
constexpr uint8_t kSoftReset = 0xB6, kPowerSave = 0x01, kGyrOn = 0x02, kAccOn = 0x04;
constexpr uint8_t kReady = 0x01, kInitError = 0x02;  // of INTERNAL_STATUS.message
constexpr uint8_t kNewAcceleration = 0x80, kNewTurn = 0x40;
constexpr size_t kSmallestConfiguration =
    328;  // Bosch's "maximum FIFO" file; the usual one fills all 8192 bytes

double rate_of(uint8_t conf) {
  return conf & 0x0F ? 0.78125 * (1 << ((conf & 0x0F) - 1)) : 0;
}

}  // namespace

Bmi270::Bmi270(const Events& events, const Recording& recording) : MotionSensor(kAddress, events, recording) {
  power_up();
}

void Bmi270::power_up() {
  forget();
  uploaded_.fill(false);
  reg(kAccConf) = 0xA8;
  reg(kAccRange) = 0x02;
  reg(kGyrConf) = 0xA9;
  reg(kPwrConf) = 0x03;
}

// INIT_ADDR counts words of 16 bits: four low bits, then eight high ones.
void Bmi270::upload(uint8_t byte) {
  reg(kInitData) = byte;
  if (upload_at_ < uploaded_.size()) uploaded_[upload_at_++] = true;
}

// Accepts an upload without gaps; what the file says is Bosch's secret.
void Bmi270::finish_upload() {
  const auto end = std::find(uploaded_.begin(), uploaded_.end(), false);
  const bool whole = end - uploaded_.begin() >= static_cast<long>(kSmallestConfiguration) &&
                     std::find(end, uploaded_.end(), true) == uploaded_.end();
  reg(kInternalStatus) = whole && !(reg(kPwrConf) & kPowerSave) ? kReady : kInitError;
}

uint8_t Bmi270::status() {
  const bool ready = reg(kInternalStatus) == kReady;
  const bool acceleration_new = ready && reg(kPwrCtrl) & kAccOn && is_new(rate_of(reg(kAccConf)));
  const bool turn_new = ready && reg(kPwrCtrl) & kGyrOn && is_new(rate_of(reg(kGyrConf)));
  return static_cast<uint8_t>((acceleration_new ? kNewAcceleration : 0) | (turn_new ? kNewTurn : 0));
}

// The chip's x axis points to the board's -y, its y axis to the board's -x.
MotionSensor::Raw Bmi270::read_acceleration() {
  if (reg(kInternalStatus) != kReady || !(reg(kPwrCtrl) & kAccOn)) return {};
  const Raw board = acceleration((2 << (reg(kAccRange) & 3)) / 32768.0);
  return {static_cast<int16_t>(std::min(-board[1], 32767)), static_cast<int16_t>(std::min(-board[0], 32767)),
          board[2]};
}

MotionSensor::Raw Bmi270::read_turn() {
  if (reg(kInternalStatus) != kReady || !(reg(kPwrCtrl) & kGyrOn)) return {};
  const Raw board = turn(2000.0 / (1 << (reg(kGyrRange) & 7)) / 32768.0);
  return {static_cast<int16_t>(std::min(-board[1], 32767)), static_cast<int16_t>(std::min(-board[0], 32767)),
          board[2]};
}

uint8_t Bmi270::get(uint8_t index) {
  if (index == kChipId) return kIdentity;
  if (index == kStatus || index == kIntStatus1) return status();
  if (index >= kAccX && index < kGyrX) {
    fetched();
    return byte_of(read_acceleration(), index - kAccX);
  }
  if (index >= kGyrX && index < kGyrEnd) return byte_of(read_turn(), index - kGyrX);
  if (index == kTemperature || index == kTemperature + 1) return 0;  // 23 degrees
  return reg(index);
}

void Bmi270::set(uint8_t index, uint8_t value) {
  if (index == kCmd) {
    if (value == kSoftReset) power_up();
    return;
  }
  if (index == kInitData) return upload(value);
  if (index <= kGyrEnd || index == kInternalStatus) return;  // read only
  reg(index) = value;
  if (index == kInitAddr0 || index == kInitAddr1)
    upload_at_ = 2 * ((reg(kInitAddr0) & 0x0Fu) | reg(kInitAddr1) << 4);
  if (index == kInitCtrl && value == 1) finish_upload();
}

// Two registers take a stream of bytes.
bool Bmi270::increments(uint8_t, uint8_t index) const {
  return index != kInitData && index != kFifoData;
}

namespace {

constexpr uint8_t kBmm150 = 0x10, kBmm150Id = 0x40, kBmm150Identity = 0x32, kBmm150Power = 0x4B;

}  // namespace

Bmm150::Bmm150() : RegisterDevice(kBmm150) {}

uint8_t Bmm150::get(uint8_t index) {
  if (!(registers_[kBmm150Power] & 1)) return index == kBmm150Power ? registers_[index] : 0;
  return index == kBmm150Id ? kBmm150Identity : registers_[index];
}

void Bmm150::set(uint8_t index, uint8_t value) {
  if (index == kBmm150Power && (value & 0x82) == 0x82)
    value &= 1;  // a soft reset: both bits fall by themselves
  registers_[index] = value;
}

}  // namespace emulator
