// Product specification, "PWM - Pulse width modulation": the time that sequences take.
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kStop = 0x004, kSeqStart0 = 0x008, kSeqStart1 = 0x00C, kStopped = 0x104,
                   kSeqStarted0 = 0x108, kSeqStarted1 = 0x10C, kSeqEnd0 = 0x110, kSeqEnd1 = 0x114,
                   kLoopsDone = 0x11C, kEnable = 0x500, kMode = 0x504, kCounterTop = 0x508,
                   kPrescaler = 0x50C, kDecoder = 0x510, kLoop = 0x514, kPselOut0 = 0x560;
constexpr uint32_t ptr(uint32_t n) {
  return 0x520 + 0x20 * n;
}
constexpr uint32_t cnt(uint32_t n) {
  return 0x524 + 0x20 * n;
}
constexpr uint32_t refresh(uint32_t n) {
  return 0x528 + 0x20 * n;
}
constexpr uint32_t end_delay(uint32_t n) {
  return 0x52C + 0x20 * n;
}
constexpr uint32_t kLoopsDoneStop = 1u << 4;

uint16_t duties[100];

void set_up(const Peripheral& pwm) {
  pwm[kPselOut0] = 16;
  pwm[kEnable] = 1;
  pwm[kMode] = 0;
  pwm[kPrescaler] = 0;    // 16 MHz
  pwm[kCounterTop] = 20;  // 1.25 us a period, as NeoPixels want it
  pwm[kDecoder] = 0;      // one value for all channels
  pwm[kLoop] = 0;
  pwm[kShorts] = 0;
  for (uint32_t n = 0; n < 2; ++n) {
    pwm[ptr(n)] = reinterpret_cast<uint32_t>(duties);
    pwm[cnt(n)] = 80;
    pwm[refresh(n)] = 0;
    pwm[end_delay(n)] = 0;
  }
  for (uint32_t event = kStopped; event <= kLoopsDone; event += 4) clear(pwm, event);
}

void check_sequence(const Peripheral& pwm, uint32_t n, uint32_t prescaler, uint32_t repeats,
                    uint32_t microseconds) {
  set_up(pwm);
  pwm[kPrescaler] = prescaler;
  pwm[refresh(n)] = repeats;
  const uint32_t start = cycles();
  pwm[kSeqStart0 + 4 * n] = 1;
  TRUE(comes(pwm, kSeqStarted0 + 4 * n, 10));
  EQUAL(pwm[kSeqEnd0 + 4 * n], 0);
  TRUE(comes(pwm, kSeqEnd0 + 4 * n, 2 * microseconds));
  BETWEEN((cycles() - start) / 64, microseconds - 5, microseconds + 10);
  EQUAL(pwm[kSeqEnd1 - 4 * n], 0);
  clear(pwm, kStopped);
  pwm[kStop] = 1;
  TRUE(comes(pwm, kStopped, 10));
}

// Sequence 0 and 1 in turn, three times.
void check_loop(const Peripheral& pwm) {
  set_up(pwm);
  pwm[kLoop] = 3;
  pwm[kShorts] = kLoopsDoneStop;
  const uint32_t start = cycles();
  pwm[kSeqStart0] = 1;
  TRUE(comes(pwm, kSeqStarted1, 200));
  BETWEEN((cycles() - start) / 64, 95, 110);
  EQUAL(pwm[kLoopsDone], 0);
  TRUE(comes(pwm, kLoopsDone, 1000));
  BETWEEN((cycles() - start) / 64, 6 * 100 - 5, 6 * 100 + 15);
  TRUE(comes(pwm, kStopped, 10));
  pwm[kEnable] = 0;
}

}  // namespace

void check_pwm() {
  for (const Peripheral* pwm : {&kPwm0, &kPwm1, &kPwm2, &kPwm3}) {
    check_sequence(*pwm, 0, 0, 0, 100);
    check_sequence(*pwm, 1, 0, 0, 100);
    check_sequence(*pwm, 0, 2, 0, 400);
    check_sequence(*pwm, 0, 0, 2, 300);
    check_loop(*pwm);
  }
}

}  // namespace metal
