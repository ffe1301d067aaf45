// Product specification, "CLOCK - Clock control".
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kHfclkStart = 0x000, kHfclkStop = 0x004, kLfclkStart = 0x008, kLfclkStop = 0x00C,
                   kCal = 0x010, kCtStart = 0x014, kHfclkStarted = 0x100, kLfclkStarted = 0x104,
                   kDone = 0x10C, kCtto = 0x110, kHfclkRun = 0x408, kHfclkStat = 0x40C, kLfclkRun = 0x414,
                   kLfclkStat = 0x418, kLfclkSrcCopy = 0x41C, kLfclkSrc = 0x518, kCtiv = 0x538;
constexpr uint32_t kCrystal = 1, kRunning = 1u << 16;
volatile uint32_t interrupts;

void on_clock() {
  interrupts += 1;
  clear(kClock, kHfclkStarted);
}

void check_crystal() {
  EQUAL(kClock[kHfclkRun], 0);
  EQUAL(kClock[kHfclkStat] & 1, 0);
  interrupts = 0;
  handle(kInterrupt0 + kClock.interrupt(), on_clock);
  enable(kClock.interrupt());
  kClock[kIntenset] = event_bit(kHfclkStarted);
  kClock[kHfclkStart] = 1;
  delay(1000);
  EQUAL(interrupts, 1);
  EQUAL(kClock[kHfclkRun], 1);
  EQUAL(kClock[kHfclkStat], kRunning | kCrystal);
  kClock[kIntenclr] = event_bit(kHfclkStarted);
  disable(kClock.interrupt());
  kClock[kHfclkStop] = 1;
  delay(10);
  EQUAL(kClock[kHfclkRun], 0);
  EQUAL(kClock[kHfclkStat] & 1, 0);
}

void start_slow_clock(uint32_t source) {
  kClock[kLfclkStop] = 1;
  delay(100);
  EQUAL(kClock[kLfclkRun], 0);
  EQUAL(kClock[kLfclkStat] & kRunning, 0);
  clear(kClock, kLfclkStarted);
  kClock[kLfclkSrc] = source;
  kClock[kLfclkStart] = 1;
  TRUE(comes(kClock, kLfclkStarted, 600000));
  EQUAL(kClock[kLfclkRun], 1);
  EQUAL(kClock[kLfclkStat], kRunning | source);
  EQUAL(kClock[kLfclkSrcCopy], source);
}

// The RC oscillator is calibrated against the crystal; a timer of quarters of a second says when to do it
// again.
void check_calibration() {
  kClock[kHfclkStart] = 1;
  TRUE(comes(kClock, kHfclkStarted, 1000));
  clear(kClock, kDone);
  kClock[kCal] = 1;
  TRUE(comes(kClock, kDone, 50000));
  clear(kClock, kCtto);
  kClock[kCtiv] = 1;
  const uint32_t start = cycles();
  kClock[kCtStart] = 1;
  TRUE(comes(kClock, kCtto, 400000));
  BETWEEN((cycles() - start) / 64000, 240, 260);
}

}  // namespace

void check_clock() {
  check_crystal();
  start_slow_clock(0);
  check_calibration();
  start_slow_clock(kCrystal);
}

}  // namespace metal
