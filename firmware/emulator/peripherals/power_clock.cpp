#include "peripherals/power_clock.h"

#include "chip/chip.h"

namespace emulator {
namespace {

constexpr uint32_t kHighStart = 0x000;
constexpr uint32_t kHighStop = 0x004;
constexpr uint32_t kLowStart = 0x008;
constexpr uint32_t kLowStop = 0x00C;
constexpr uint32_t kCalibrate = 0x010;
constexpr uint32_t kCalibrationTimerStart = 0x014;
constexpr uint32_t kCalibrationTimerStop = 0x018;
constexpr uint32_t kHighStarted = 0x100;
constexpr uint32_t kLowStarted = 0x104;
constexpr uint32_t kCalibrated = 0x10C;
constexpr uint32_t kCalibrationDue = 0x110;
constexpr uint32_t kCalibrationTimerStarted = 0x128;
constexpr uint32_t kCalibrationTimerStopped = 0x12C;
constexpr uint32_t kUsbDetected = 0x11C;
constexpr uint32_t kUsbRemoved = 0x120;
constexpr uint32_t kUsbPowerReady = 0x124;
constexpr uint32_t kResetReasons = 0x400;
constexpr uint32_t kHighRun = 0x408;
constexpr uint32_t kHighStatus = 0x40C;
constexpr uint32_t kLowRun = 0x414;
constexpr uint32_t kLowStatus = 0x418;
constexpr uint32_t kLowSourceCopy = 0x41C;
constexpr uint32_t kRamStatus = 0x428;
constexpr uint32_t kUsbStatus = 0x438;
constexpr uint32_t kSystemOff = 0x500;
constexpr uint32_t kLowSource = 0x518;
constexpr uint32_t kRetained = 0x51C;
constexpr uint32_t kRetained2 = 0x520;
constexpr uint32_t kCalibrationInterval = 0x538;  // quarters of a second

constexpr uint32_t reason_of(Reset kind) {
  switch (kind) {
    case Reset::kPin: return 1;
    case Reset::kWatchdog: return 2;
    case Reset::kSoftware: return 4;
    case Reset::kLockup: return 8;
    default: return 0;  // power-on is told by the absence of the others
  }
}

}  // namespace

PowerClock::PowerClock(Chip& chip)
    : Peripheral(chip, "POWER/CLOCK", 0x40000000),
      calibration_(chip.events, [this] { raise(kCalibrated); }),
      calibration_timer_(chip.events, [this] { raise(kCalibrationDue); }) {}

void PowerClock::start(uint32_t task) {
  switch (task) {
    case kHighStart:
      high_runs_ = true;
      raise(kHighStarted);
      break;
    case kHighStop: high_runs_ = false; break;
    case kLowStart:
      low_runs_ = true;
      raise(kLowStarted);
      break;
    case kLowStop: low_runs_ = false; break;
    case kCalibrate: calibration_.in(milliseconds(1)); break;
    case kCalibrationTimerStart:
      calibration_timer_.in((reg(kCalibrationInterval) & 0x7F) * milliseconds(250));
      raise(kCalibrationTimerStarted);
      break;
    case kCalibrationTimerStop:
      calibration_timer_.stop();
      raise(kCalibrationTimerStopped);
      break;
    default: break;
  }
}

void PowerClock::reset(Reset kind) {
  // The retained registers keep their values through these alone ("Reset behavior").
  const bool kept = kind == Reset::kSoftware || kind == Reset::kLockup;
  const uint32_t retained = kept ? reg(kRetained) : 0;
  const uint32_t retained2 = kept ? reg(kRetained2) : 0;
  Peripheral::reset(kind);
  reg(kRetained) = retained;
  reg(kRetained2) = retained2;
  reasons_ = kind == Reset::kPowerOn ? 0 : reasons_ | reason_of(kind);
  calibration_.stop();
  calibration_timer_.stop();
  high_runs_ = low_runs_ = false;
  // Firmware that starts with the cable in its socket finds these events; Mbed starts USB by nothing else.
  reg(kUsbDetected) = reg(kUsbPowerReady) = vbus_;
}

void PowerClock::set_vbus(bool on) {
  if (vbus_ == on) return;
  vbus_ = on;
  raise(on ? kUsbDetected : kUsbRemoved);
  if (on) raise(kUsbPowerReady);
}

void PowerClock::on_write(uint32_t offset, uint32_t value) {
  if (offset == kResetReasons) reasons_ &= ~value;
  if (offset == kRetained || offset == kRetained2) reg(offset) &= 0xFF;
  if (offset == kSystemOff && value == 1) chip().turn_off();
}

uint32_t PowerClock::on_read(uint32_t offset) {
  switch (offset) {
    case kResetReasons: return reasons_;
    case kHighRun: return high_runs_;
    case kHighStatus: return high_runs_ ? 0x10001 : 0;
    case kLowRun: return low_runs_;
    case kLowStatus: return low_runs_ ? 0x10000 | (reg(kLowSource) & 3) : 0;
    case kLowSourceCopy: return reg(kLowSource) & 3;
    case kRamStatus: return ~0u;
    case kUsbStatus: return vbus_ ? 3 : 0;
    default: return reg(offset);
  }
}

}  // namespace emulator
