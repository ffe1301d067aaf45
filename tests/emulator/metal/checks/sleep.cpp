// Armv7-M, B1.5.18 and B1.5.19 (WFE, WFI). RTC1
// wakes the processor, and RTC2 is the alarm clock if it does not.
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kStart = 0x000, kStop = 0x004, kClear = 0x008, kCompare0 = 0x140, kCounter = 0x504,
                   kCc0 = 0x540;
constexpr uint32_t kSevOnPend = 1u << 4, kSleepOnExit = 1u << 1;
volatile uint32_t handled, alarms;
volatile bool leave_sleep_on_exit;

void on_rtc() {
  handled += 1;
  clear(kRtc1, kCompare0);
  kRtc1[kCc0] = kRtc1[kCounter] + 10;
  if (handled == 3) word(scs::kScr) = 0;
}
void on_alarm() {
  alarms += 1;
  clear(kRtc2, kCompare0);
  word(scs::kScr) = 0;
}

void set_up(uint32_t ticks) {
  handled = alarms = 0;
  handle(kInterrupt0 + kRtc1.interrupt(), on_rtc);
  handle(kInterrupt0 + kRtc2.interrupt(), on_alarm);
  for (const Peripheral* rtc : {&kRtc1, &kRtc2}) {
    (*rtc)[kStop] = 1;
    (*rtc)[kClear] = 1;
    delay(100);
    clear(*rtc, kCompare0);
    unpend(rtc->interrupt());
    (*rtc)[kCc0] = rtc == &kRtc1 ? ticks : 3277;  // the alarm: 100 ms
    (*rtc)[kIntenset] = event_bit(kCompare0);
    enable(rtc->interrupt());
    (*rtc)[kStart] = 1;
  }
  __asm volatile("sev\n\twfe" ::: "memory");  // no event is left over
}

void check_wfi() {
  set_up(328);  // 10 ms
  __asm volatile("wfi" ::: "memory");
  EQUAL(handled, 1);
  EQUAL(alarms, 0);
  BETWEEN(kRtc1[kCounter], 328, 332);
  set_up(328);
  set_primask(1);
  __asm volatile("wfi" ::: "memory");  // wakes, although the handler may not run yet
  EQUAL(handled, 0);
  BETWEEN(kRtc1[kCounter], 328, 332);
  set_primask(0);
  EQUAL(handled, 1);
  set_up(328);
  set_priority(kRtc1.interrupt(), 0x80);
  set_basepri(0x80);
  __asm volatile("wfi" ::: "memory");  // BASEPRI does hold it back: the alarm wakes
  set_basepri(0);
  EQUAL(alarms, 1);
  set_priority(kRtc1.interrupt(), 0);
}

void check_wfe() {
  set_up(328);
  __asm volatile("sev\n\twfe" ::: "memory");  // the event is there
  TRUE(kRtc1[kCounter] < 20);
  __asm volatile("wfe" ::: "memory");  // and is used up
  EQUAL(handled, 1);
  EQUAL(alarms, 0);
  __asm volatile("wfe" ::: "memory");  // the handler's return left one
  BETWEEN(kRtc1[kCounter], 328, 340);
  set_up(328);
  disable(kRtc1.interrupt());
  word(scs::kScr) = kSevOnPend;
  __asm volatile("wfe" ::: "memory");  // an interrupt that is not enabled wakes as well
  word(scs::kScr) = 0;
  EQUAL(handled, 0);
  EQUAL(alarms, 0);
  TRUE(is_pending(kRtc1.interrupt()));
  BETWEEN(kRtc1[kCounter], 328, 332);
}

// After a handler the processor sleeps on; thread mode goes on once the handler has said so.
void check_sleep_on_exit() {
  set_up(20);
  word(scs::kScr) = kSleepOnExit;
  __asm volatile("wfi" ::: "memory");
  EQUAL(handled, 3);
  EQUAL(alarms, 0);
}

}  // namespace

void check_sleep() {
  check_wfi();
  check_wfe();
  check_sleep_on_exit();
  for (const Peripheral* rtc : {&kRtc1, &kRtc2}) {
    disable(rtc->interrupt());
    (*rtc)[kIntenclr] = ~0u;
    (*rtc)[kStop] = 1;
  }
}

}  // namespace metal
