// Product specification, "TIMER - Timer/counter".
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kStart = 0x000, kStop = 0x004, kCount = 0x008, kClear = 0x00C, kShutdown = 0x010,
                   kMode = 0x504, kBitmode = 0x508, kPrescaler = 0x510;
constexpr uint32_t kTimerMode = 0, kCounterMode = 1, kLowPowerCounterMode = 2;
constexpr uint32_t k16Bit = 0, k8Bit = 1, k24Bit = 2, k32Bit = 3;
constexpr uint32_t kMegahertz = 4;  // prescaler: 16 MHz / 2^4
constexpr uint32_t capture(uint32_t n) {
  return 0x040 + 4 * n;
}
constexpr uint32_t compare(uint32_t n) {
  return 0x140 + 4 * n;
}
constexpr uint32_t cc(uint32_t n) {
  return 0x540 + 4 * n;
}
constexpr uint32_t clear_by(uint32_t n) {
  return 1u << n;
}
constexpr uint32_t stop_by(uint32_t n) {
  return 1u << (8 + n);
}

uint32_t value(const Peripheral& timer, uint32_t n) {
  timer[capture(n)] = 1;
  return timer[cc(n)];
}

void set_up(const Peripheral& timer, uint32_t mode, uint32_t bits, uint32_t prescaler) {
  timer[kStop] = 1;
  timer[kShorts] = 0;
  timer[kIntenclr] = ~0u;
  timer[kMode] = mode;
  timer[kBitmode] = bits;
  timer[kPrescaler] = prescaler;
  timer[kClear] = 1;
}

void check_counting(const Peripheral& timer) {
  set_up(timer, kTimerMode, k32Bit, kMegahertz);
  EQUAL(value(timer, 0), 0);
  timer[kStart] = 1;
  delay(100);
  BETWEEN(value(timer, 0), 98, 104);
  timer[kStop] = 1;
  const uint32_t stopped = value(timer, 1);
  delay(20);
  EQUAL(value(timer, 2), stopped);
  timer[kStart] = 1;  // goes on from where it stood
  delay(20);
  BETWEEN(value(timer, 3), stopped + 18, stopped + 26);
  timer[kClear] = 1;  // while it runs
  BETWEEN(value(timer, 0), 0, 3);
  delay(10);
  timer[kShutdown] = 1;
  EQUAL(value(timer, 0), 0);
  delay(10);
  EQUAL(value(timer, 0), 0);
}

void check_widths(const Peripheral& timer) {
  set_up(timer, kTimerMode, k8Bit, kMegahertz);
  timer[kStart] = 1;
  delay(300);
  BETWEEN(value(timer, 0), 300 - 256 - 2, 300 - 256 + 5);
  set_up(timer, kTimerMode, k16Bit, 0);
  timer[kStart] = 1;
  delay(4200);
  BETWEEN(value(timer, 0), 4200 * 16 - 65536 - 32, 4200 * 16 - 65536 + 80);
  set_up(timer, kTimerMode, k24Bit, 9);  // 31,250 Hz
  timer[kStart] = 1;
  delay(3200);
  BETWEEN(value(timer, 0), 99, 102);
}

void check_compare(const Peripheral& timer, uint32_t channels) {
  for (uint32_t n = 0; n < channels; ++n) {
    set_up(timer, kTimerMode, k32Bit, kMegahertz);
    for (uint32_t other = 0; other < channels; ++other) {
      timer[cc(other)] = 1000;
      clear(timer, compare(other));
    }
    timer[cc(n)] = 50;
    const uint32_t start = cycles();
    timer[kStart] = 1;
    TRUE(comes(timer, compare(n), 100));
    BETWEEN((cycles() - start) / 64, 49, 53);
    EQUAL(timer[compare((n + 1) % channels)], 0);
  }
}

void check_shorts(const Peripheral& timer, uint32_t channels) {
  const uint32_t last = channels - 1;
  set_up(timer, kTimerMode, k32Bit, kMegahertz);
  timer[cc(last)] = 20;
  timer[kShorts] = clear_by(last);
  timer[kStart] = 1;
  delay(110);
  BETWEEN(value(timer, 0), 8, 14);
  set_up(timer, kTimerMode, k32Bit, kMegahertz);
  timer[cc(last)] = 20;
  timer[kShorts] = stop_by(last);
  timer[kStart] = 1;
  delay(60);
  EQUAL(value(timer, 0), 20);
}

void check_counter(const Peripheral& timer, uint32_t mode) {
  set_up(timer, mode, k16Bit, kMegahertz);
  timer[cc(1)] = 7;
  clear(timer, compare(1));
  timer[kStart] = 1;
  for (uint32_t i = 0; i < 6; ++i) timer[kCount] = 1;
  delay(20);
  EQUAL(value(timer, 0), 6);
  EQUAL(timer[compare(1)], 0);
  timer[kCount] = 1;
  TRUE(comes(timer, compare(1), 2));
}

volatile uint32_t interrupts;
const Peripheral* interrupting;
void on_timer() {
  interrupts += 1;
  clear(*interrupting, compare(0));
}

void check_interrupt(const Peripheral& timer) {
  set_up(timer, kTimerMode, k32Bit, kMegahertz);
  interrupting = &timer;
  interrupts = 0;
  timer[cc(0)] = 10;
  timer[kShorts] = clear_by(0);
  clear(timer, compare(0));
  handle(kInterrupt0 + timer.interrupt(), on_timer);
  enable(timer.interrupt());
  timer[kIntenset] = event_bit(compare(0));
  EQUAL(timer[kIntenset], event_bit(compare(0)));
  timer[kStart] = 1;
  delay(105);
  timer[kIntenclr] = event_bit(compare(0));
  EQUAL(timer[kIntenset], 0);
  BETWEEN(interrupts, 9, 11);
  const uint32_t before = interrupts;
  delay(50);
  EQUAL(interrupts, before);
  disable(timer.interrupt());
  timer[kShutdown] = 1;
}

}  // namespace

void check_timer() {
  const Peripheral* const timers[] = {&kTimer0, &kTimer1, &kTimer2, &kTimer3, &kTimer4};
  for (uint32_t i = 0; i < 5; ++i) {
    const Peripheral& timer = *timers[i];
    const uint32_t channels = i < 3 ? 4 : 6;
    check_counting(timer);
    check_widths(timer);
    check_compare(timer, channels);
    check_shorts(timer, channels);
    check_counter(timer, kCounterMode);
    check_counter(timer, kLowPowerCounterMode);
    check_interrupt(timer);
  }
}

}  // namespace metal
