// Product specification, "RTC - Real-time counter". The low-frequency clock runs since the checks of the
// clock.
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kStart = 0x000, kStop = 0x004, kClear = 0x008, kTrigOverflow = 0x00C, kTick = 0x100,
                   kOverflow = 0x104, kEvten = 0x340, kEvtenset = 0x344, kEvtenclr = 0x348, kCounter = 0x504,
                   kPrescaler = 0x508;
constexpr uint32_t compare(uint32_t n) {
  return 0x140 + 4 * n;
}
constexpr uint32_t cc(uint32_t n) {
  return 0x540 + 4 * n;
}
constexpr uint32_t ticks(uint32_t n) {  // microseconds, at 32,768 Hz
  return n * 15625 / 512;
}

void set_up(const Peripheral& rtc, uint32_t prescaler, uint32_t channels) {
  rtc[kStop] = 1;
  delay(100);
  rtc[kClear] = 1;
  delay(100);
  rtc[kPrescaler] = prescaler;
  rtc[kEvtenclr] = ~0u;
  rtc[kIntenclr] = ~0u;
  clear(rtc, kTick);
  clear(rtc, kOverflow);
  for (uint32_t n = 0; n < channels; ++n) {
    clear(rtc, compare(n));
    rtc[cc(n)] = 0;
  }
}

void check_rate(const Peripheral& rtc, uint32_t channels, uint32_t prescaler) {
  set_up(rtc, prescaler, channels);
  EQUAL(rtc[kCounter], 0);
  EQUAL(rtc[kPrescaler], prescaler);
  rtc[kStart] = 1;
  delay(ticks((prescaler + 1) * 64) + 50);
  BETWEEN(rtc[kCounter], 63, 65);
  rtc[kStop] = 1;
  delay(100);
  const uint32_t stopped = rtc[kCounter];
  delay(ticks(prescaler + 1) * 3);
  EQUAL(rtc[kCounter], stopped);
  rtc[kClear] = 1;
  delay(100);
  EQUAL(rtc[kCounter], 0);
}

void check_compare(const Peripheral& rtc, uint32_t channels) {
  for (uint32_t n = 0; n < channels; ++n) {
    set_up(rtc, 0, channels);
    rtc[cc(n)] = 40;
    rtc[kEvtenset] = event_bit(compare(n));
    EQUAL(rtc[kEvten], event_bit(compare(n)));
    const uint32_t start = cycles();
    rtc[kStart] = 1;
    TRUE(comes(rtc, compare(n), ticks(50)));
    BETWEEN((cycles() - start) / 64, ticks(39), ticks(42));
    EQUAL(rtc[compare((n + 1) % channels)], 0);
    BETWEEN(rtc[kCounter], 40, 41);
  }
}

// An event whose routing is off does not come; neither does TICK, unless it is asked for.
void check_routing(const Peripheral& rtc, uint32_t channels) {
  set_up(rtc, 0, channels);
  rtc[cc(0)] = 5;
  rtc[kStart] = 1;
  delay(ticks(10));
  EQUAL(rtc[compare(0)], 0);
  EQUAL(rtc[kTick], 0);
  rtc[kEvtenset] = event_bit(kTick);
  TRUE(comes(rtc, kTick, ticks(3)));
  clear(rtc, kTick);
  TRUE(comes(rtc, kTick, ticks(3)));
  rtc[kEvtenclr] = event_bit(kTick);
  EQUAL(rtc[kEvten], 0);
  clear(rtc, kTick);
  delay(ticks(3));
  EQUAL(rtc[kTick], 0);
  rtc[cc(0)] = rtc[kCounter] + 5;
  rtc[kIntenset] = event_bit(compare(0));  // an interrupt that is asked for routes the event, too
  TRUE(comes(rtc, compare(0), ticks(8)));
  rtc[kIntenclr] = event_bit(compare(0));
}

void check_overflow(const Peripheral& rtc, uint32_t channels) {
  set_up(rtc, 0, channels);
  rtc[kEvtenset] = event_bit(kOverflow) | event_bit(compare(1));
  rtc[cc(1)] = 0;  // met when the counter comes round, not when it is cleared or started
  rtc[kStart] = 1;
  delay(ticks(3));
  EQUAL(rtc[compare(1)], 0);
  rtc[kTrigOverflow] = 1;
  delay(ticks(2));
  BETWEEN(rtc[kCounter], 0xFFFFF0, 0xFFFFF3);
  EQUAL(rtc[kOverflow], 0);
  TRUE(comes(rtc, kOverflow, ticks(18)));
  TRUE(rtc[kCounter] < 3);
  EQUAL(rtc[compare(1)], 1);
}

volatile uint32_t interrupts;
const Peripheral* interrupting;
void on_rtc() {
  interrupts += 1;
  clear(*interrupting, compare(2));
}

void check_interrupt(const Peripheral& rtc, uint32_t channels) {
  set_up(rtc, 0, channels);
  interrupting = &rtc;
  interrupts = 0;
  handle(kInterrupt0 + rtc.interrupt(), on_rtc);
  unpend(rtc.interrupt());  // left over from the checks before
  enable(rtc.interrupt());
  rtc[cc(2)] = 10;
  rtc[kIntenset] = event_bit(compare(2));
  rtc[kStart] = 1;
  delay(ticks(8));
  EQUAL(interrupts, 0);
  delay(ticks(5));
  EQUAL(interrupts, 1);
  disable(rtc.interrupt());
  set_up(rtc, 0, channels);
}

}  // namespace

void check_rtc() {
  const Peripheral* const rtcs[] = {&kRtc0, &kRtc1, &kRtc2};
  for (uint32_t i = 0; i < 3; ++i) {
    const Peripheral& rtc = *rtcs[i];
    const uint32_t channels = i == 0 ? 3 : 4;
    check_rate(rtc, channels, 0);
    check_rate(rtc, channels, 7);
    check_compare(rtc, channels);
    check_routing(rtc, channels);
    check_overflow(rtc, channels);
    check_interrupt(rtc, channels);
  }
}

}  // namespace metal
