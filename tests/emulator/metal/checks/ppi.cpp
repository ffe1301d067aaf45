// Product specification, "PPI - Programmable peripheral interconnect", and "EGU - Event generator unit".
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kChen = 0x500, kChenset = 0x504, kChenclr = 0x508;
constexpr uint32_t group_enable(uint32_t g) {
  return 8 * g;
}
constexpr uint32_t group_disable(uint32_t g) {
  return 8 * g + 4;
}
constexpr uint32_t event_end(uint32_t channel) {
  return 0x510 + 8 * channel;
}
constexpr uint32_t task_end(uint32_t channel) {
  return 0x514 + 8 * channel;
}
constexpr uint32_t group(uint32_t g) {
  return 0x800 + 4 * g;
}
constexpr uint32_t fork(uint32_t channel) {
  return 0x910 + 4 * channel;
}

constexpr Peripheral egu(uint32_t n) {
  return {kEgu0.base + 0x1000 * n};
}
constexpr uint32_t trigger(uint32_t n) {
  return 4 * n;
}
constexpr uint32_t triggered(uint32_t n) {
  return 0x100 + 4 * n;
}

void disconnect() {
  kPpi[kChenclr] = ~0u;
  for (uint32_t channel = 0; channel < 32; ++channel) {
    if (channel < 20) kPpi[event_end(channel)] = 0;
    if (channel < 20) kPpi[task_end(channel)] = 0;
    kPpi[fork(channel)] = 0;
  }
  for (uint32_t n = 0; n < 6; ++n)
    for (uint32_t i = 0; i < 16; ++i) clear(egu(n), triggered(i));
}

void connect(uint32_t channel, uint32_t event, uint32_t task) {
  kPpi[event_end(channel)] = event;
  kPpi[task_end(channel)] = task;
}

void check_channels() {
  for (uint32_t channel = 0; channel < 20; ++channel) {
    disconnect();
    connect(channel, egu(0).address(triggered(3)), egu(1).address(trigger(4)));
    egu(0)[trigger(3)] = 1;
    EQUAL(egu(1)[triggered(4)], 0);  // not enabled
    kPpi[kChenset] = 1u << channel;
    EQUAL(kPpi[kChen], 1u << channel);
    egu(0)[trigger(2)] = 1;  // another event
    EQUAL(egu(1)[triggered(4)], 0);
    egu(0)[trigger(3)] = 1;  // its register is 1 already: the event comes all the same
    EQUAL(egu(1)[triggered(4)], 1);
    kPpi[kChenclr] = 1u << channel;
    EQUAL(kPpi[kChenset], 0);
    clear(egu(1), triggered(4));
    egu(0)[trigger(3)] = 1;
    EQUAL(egu(1)[triggered(4)], 0);
  }
}

void check_forks_and_chains() {
  disconnect();
  connect(0, egu(0).address(triggered(0)), egu(1).address(trigger(0)));
  kPpi[fork(0)] = egu(2).address(trigger(0));
  connect(1, egu(2).address(triggered(0)), egu(3).address(trigger(0)));
  connect(2, egu(0).address(triggered(0)), egu(4).address(trigger(0)));  // a second channel on the same event
  kPpi[kChen] = 7;
  egu(0)[trigger(0)] = 1;
  EQUAL(egu(1)[triggered(0)], 1);
  EQUAL(egu(2)[triggered(0)], 1);
  EQUAL(egu(3)[triggered(0)], 1);
  EQUAL(egu(4)[triggered(0)], 1);
  EQUAL(egu(5)[triggered(0)], 0);
}

void check_groups() {
  for (uint32_t g = 0; g < 6; ++g) {
    disconnect();
    connect(5, egu(0).address(triggered(0)), egu(1).address(trigger(0)));
    kPpi[group(g)] = 1u << 5 | 1u << 7;
    kPpi[group_enable(g)] = 1;
    EQUAL(kPpi[kChen], 1u << 5 | 1u << 7);
    kPpi[fork(5)] = kPpi.address(group_disable(g));  // once only
    egu(0)[trigger(0)] = 1;
    EQUAL(egu(1)[triggered(0)], 1);
    EQUAL(kPpi[kChen], 0);
    clear(egu(1), triggered(0));
    egu(0)[trigger(0)] = 1;
    EQUAL(egu(1)[triggered(0)], 0);
    kPpi[group(g)] = 0;
  }
}

volatile uint32_t interrupts, interrupting;
void on_egu() {
  interrupts += 1;
  clear(egu(interrupting), triggered(15));
}

}  // namespace

void check_ppi() {
  check_channels();
  check_forks_and_chains();
  check_groups();
  disconnect();
}

void check_egu() {
  for (uint32_t n = 0; n < 6; ++n) {
    for (uint32_t i = 0; i < 16; ++i) {
      clear(egu(n), triggered(i));
      egu(n)[trigger(i)] = 1;
      EQUAL(egu(n)[triggered(i)], 1);
      clear(egu(n), triggered(i));
      EQUAL(egu(n)[triggered(i)], 0);
    }
    interrupts = 0;
    interrupting = n;
    handle(kInterrupt0 + egu(n).interrupt(), on_egu);
    enable(egu(n).interrupt());
    egu(n)[trigger(15)] = 1;
    delay(1);
    EQUAL(interrupts, 0);
    egu(n)[kIntenset] = 1u << 15;  // the event is there: the interrupt comes now
    delay(1);
    EQUAL(interrupts, 1);
    egu(n)[trigger(15)] = 1;
    delay(1);
    EQUAL(interrupts, 2);
    egu(n)[kInten] = 0;
    egu(n)[trigger(15)] = 1;
    delay(1);
    EQUAL(interrupts, 2);
    disable(egu(n).interrupt());
  }
}

}  // namespace metal
