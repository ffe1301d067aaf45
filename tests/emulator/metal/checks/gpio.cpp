// Product specification, "GPIO - General purpose input/output" and "GPIOTE - GPIO tasks and events". Nothing
// is wired: a pin hears its own driver, or its own pull resistor.
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kOut = 0x504, kOutset = 0x508, kOutclr = 0x50C, kIn = 0x510, kDir = 0x514, kDirset = 0x518,
                   kDirclr = 0x51C, kLatch = 0x520;
constexpr uint32_t pin_cnf(uint32_t pin) {
  return 0x700 + 4 * pin;
}
constexpr uint32_t kOutput = 1, kInputBufferOff = 2, kPullDown = 1u << 2, kPullUp = 3u << 2,
                   kSenseHigh = 2u << 16, kSenseLow = 3u << 16;

void check_output(const Peripheral& port, uint32_t pin) {
  const uint32_t bit = 1u << pin;
  port[pin_cnf(pin)] = kInputBufferOff;
  port[kOut] = 0;
  EQUAL(port[kDir] & bit, 0);
  port[kDirset] = bit;
  EQUAL(port[kDir] & bit, bit);
  EQUAL(port[pin_cnf(pin)] & 1, kOutput);  // two views of one bit
  port[kOutset] = bit;
  EQUAL(port[kOut], bit);
  EQUAL(port[kOutset], bit);
  EQUAL(port[kIn] & bit, 0);  // its input buffer is off
  port[pin_cnf(pin)] = kOutput;
  EQUAL(port[kIn] & bit, bit);
  port[kOutclr] = bit;
  EQUAL(port[kOutclr], 0);
  EQUAL(port[kIn] & bit, 0);
  port[kDirclr] = bit;
  EQUAL(port[kDir] & bit, 0);
  EQUAL(port[pin_cnf(pin)] & 1, 0);
}

void check_pulls(const Peripheral& port, uint32_t pin) {
  const uint32_t bit = 1u << pin;
  port[pin_cnf(pin)] = kPullUp;
  EQUAL(port[kIn] & bit, bit);
  port[pin_cnf(pin)] = kPullDown;
  EQUAL(port[kIn] & bit, 0);
  port[pin_cnf(pin)] = kInputBufferOff;
}

constexpr uint32_t kTaskOut = 0x000, kTaskSet = 0x030, kTaskClr = 0x060, kEventIn = 0x100, kEventPort = 0x17C;
constexpr uint32_t config(uint32_t channel) {
  return 0x510 + 4 * channel;
}
constexpr uint32_t kEventMode = 1, kTaskMode = 3, kPort1 = 1u << 13, kRising = 1u << 16, kFalling = 2u << 16,
                   kToggle = 3u << 16, kInitiallyHigh = 1u << 20;

void check_tasks(uint32_t channel) {
  const uint32_t pin = 4 + channel, bit = 1u << pin;
  kGpio0[pin_cnf(pin)] = kOutput;
  kGpiote[config(channel)] = kTaskMode | pin << 8 | kToggle | kInitiallyHigh;
  EQUAL(kGpio0[kIn] & bit, bit);
  kGpiote[kTaskOut + 4 * channel] = 1;
  EQUAL(kGpio0[kIn] & bit, 0);
  kGpiote[kTaskOut + 4 * channel] = 1;
  EQUAL(kGpio0[kIn] & bit, bit);
  kGpiote[kTaskClr + 4 * channel] = 1;
  EQUAL(kGpio0[kIn] & bit, 0);
  kGpiote[kTaskSet + 4 * channel] = 1;
  EQUAL(kGpio0[kIn] & bit, bit);
  kGpiote[config(channel)] = 0;
  kGpio0[pin_cnf(pin)] = kInputBufferOff;
}

void check_events(uint32_t channel) {
  const uint32_t event = kEventIn + 4 * channel, pin = 3 + channel;
  for (const uint32_t polarity : {kRising, kFalling, kToggle}) {
    kGpio1[pin_cnf(pin)] = kPullDown;
    kGpiote[config(channel)] = kEventMode | pin << 8 | kPort1 | polarity;
    clear(kGpiote, event);
    kGpio1[pin_cnf(pin)] = kPullUp;
    delay(2);
    EQUAL(kGpiote[event], polarity == kFalling ? 0 : 1);
    clear(kGpiote, event);
    kGpio1[pin_cnf(pin)] = kPullDown;
    delay(2);
    EQUAL(kGpiote[event], polarity == kRising ? 0 : 1);
    kGpiote[config(channel)] = 0;
  }
  kGpio1[pin_cnf(pin)] = kInputBufferOff;
}

volatile uint32_t interrupts;
void on_gpiote() {
  interrupts += 1;
  clear(kGpiote, kEventPort);
}

// DETECT of any pin is one event for the whole port; LATCH says which pin it was.
void check_sense() {
  interrupts = 0;
  kGpio0[kLatch] = ~0u;
  clear(kGpiote, kEventPort);
  handle(kInterrupt0 + kGpiote.interrupt(), on_gpiote);
  enable(kGpiote.interrupt());
  kGpiote[kIntenset] = 1u << 31;
  kGpio0[pin_cnf(11)] = kPullUp | kSenseLow;
  delay(2);
  EQUAL(interrupts, 0);
  kGpio0[pin_cnf(11)] = kPullDown | kSenseLow;
  delay(2);
  EQUAL(interrupts, 1);
  EQUAL(kGpio0[kLatch], 1u << 11);
  kGpio0[pin_cnf(11)] = kPullUp | kSenseLow;
  kGpio0[kLatch] = 1u << 11;
  EQUAL(kGpio0[kLatch], 0);
  kGpio0[pin_cnf(12)] = kPullUp | kSenseHigh;
  delay(2);
  EQUAL(interrupts, 2);
  kGpio0[pin_cnf(11)] = kInputBufferOff;
  kGpio0[pin_cnf(12)] = kInputBufferOff;
  kGpio0[kLatch] = ~0u;
  kGpiote[kIntenclr] = 1u << 31;
  disable(kGpiote.interrupt());
}

}  // namespace

void check_gpio() {
  check_output(kGpio0, 3);
  check_output(kGpio0, 31);
  check_output(kGpio1, 0);
  check_output(kGpio1, 15);
  check_pulls(kGpio0, 11);
  check_pulls(kGpio1, 2);
}

void check_gpiote() {
  for (uint32_t channel = 0; channel < 8; ++channel) {
    check_tasks(channel);
    check_events(channel);
  }
  check_sense();
}

}  // namespace metal
