// Product specification, "POWER" (reset behaviour, RESETREAS, GPREGRET) and "WDT - Watchdog timer".
#include "boots.h"

#include "check.h"
#include "console.h"
#include "cpu.h"

namespace metal {

namespace {

constexpr uint32_t kResetReas = 0x400, kGpregret = 0x51C, kGpregret2 = 0x520;
constexpr uint32_t kWatchdogReset = 1u << 1, kSoftReset = 1u << 2, kLockupReset = 1u << 3;
constexpr uint32_t kStart = 0x000, kTimeout = 0x100, kRunStatus = 0x400, kReqStatus = 0x404, kCrv = 0x504,
                   kRren = 0x508, kReload = 0x600, kReloadKey = 0x6E524635;

// RAM keeps its content over a reset, and only over a reset.
struct Stage {
  uint32_t magic, number, watchdog_at;
};
__attribute__((section(".noinit"))) Stage stage;
constexpr uint32_t kMagic = 0x4D455441;

[[noreturn]] void next_stage() {
  stage.magic = kMagic;
  stage.number += 1;
  reset_chip();
}

void check_power_on() {
  EQUAL(kPower[kResetReas], 0);
  EQUAL(kPower[kGpregret], 0);
  kPower[kGpregret] = 0xA5;
  kPower[kGpregret2] = 0x15A;  // eight bits
  EQUAL(kPower[kGpregret], 0xA5);
  EQUAL(kPower[kGpregret2], 0x5A);
}

void check_soft_reset() {
  EQUAL(kPower[kResetReas], kSoftReset);
  kPower[kResetReas] = 1;  // another bit
  EQUAL(kPower[kResetReas], kSoftReset);
  kPower[kResetReas] = kSoftReset;
  EQUAL(kPower[kResetReas], 0);
  EQUAL(kPower[kGpregret], 0xA5);
  EQUAL(kPower[kGpregret2], 0x5A);
  EQUAL(word(scs::kAircr) >> 16, 0xFA05);  // its key, as it is read
}

void feed(uint32_t request) {
  kWdt[kReload + 4 * request] = kReloadKey;
}

void check_watchdog() {
  EQUAL(kWdt[kRunStatus], 0);
  kWdt[kCrv] = 3276;  // 100 ms
  kWdt[kRren] = 3;    // two that must be fed
  kWdt[kStart] = 1;
  EQUAL(kWdt[kRunStatus], 1);
  EQUAL(kWdt[kReqStatus], 3);
  kWdt[kCrv] = 0xFFFFFF;  // locked while it runs
  EQUAL(kWdt[kCrv], 3276);
  delay(60000);
  feed(0);
  EQUAL(kWdt[kReqStatus], 2);
  kWdt[kReload + 4] = 1;  // not the word
  EQUAL(kWdt[kReqStatus], 2);
  feed(1);
  EQUAL(kWdt[kReqStatus], 3);
  delay(60000);  // past the first 100 ms
  feed(0);
  feed(1);
}

void on_timeout() {
  stage.watchdog_at = kRtc2[0x504];
  for (;;) {
  }
}

// The watchdog survived the reset. Now it starves.
void check_running_watchdog() {
  EQUAL(kPower[kResetReas], kSoftReset);
  EQUAL(kWdt[kRunStatus], 1);
  EQUAL(kWdt[kCrv], 3276);
  feed(0);
  feed(1);
}

[[noreturn]] void starve() {
  stage.magic = kMagic;
  stage.number += 1;
  stage.watchdog_at = 0;
  kClock[0x518] = 1;
  kClock[0x008] = 1;
  kRtc2[0x008] = 1;
  kRtc2[0x000] = 1;
  handle(kInterrupt0 + kWdt.interrupt(), on_timeout);
  enable(kWdt.interrupt());
  kWdt[kIntenset] = event_bit(kTimeout);
  delay(50000);
  feed(0);
  delay(50000);  // one of the two is not enough
  delay(1000000);
  reset_chip();
}

void check_watchdog_reset() {
  EQUAL(kPower[kResetReas], kWatchdogReset | kSoftReset);  // the reasons add up until they are cleared
  kPower[kResetReas] = ~0u;
  EQUAL(kWdt[kRunStatus], 0);
  EQUAL(kPower[kGpregret], 0);             // kept over a soft reset alone
  BETWEEN(stage.watchdog_at, 3240, 3280);  // its interrupt came first, after 100 ms
}

// A fault while HardFault runs: lockup, which resets the chip.
[[noreturn]] void lock_up() {
  stage.magic = kMagic;
  stage.number += 1;
  handle(kHardFault, [] { __asm volatile(".hword 0xDE00"); });
  __asm volatile(".hword 0xDE00");
  reset_chip();
}

void check_lockup() {
  EQUAL(kPower[kResetReas], kLockupReset);
  kPower[kResetReas] = ~0u;
}

void run_one(const char* name, void (*checks)()) {
  const Group group{name, checks};
  run(&group, 1);
}

}  // namespace

void go_through_boots(void (*others)()) {
  if (stage.magic != kMagic) stage = {kMagic, 0, 0};
  switch (stage.number) {
    case 0: run_one("power-on", check_power_on); next_stage();
    case 1:
      run_one("soft-reset", check_soft_reset);
      others();
      run_one("watchdog", check_watchdog);
      next_stage();
    case 2: run_one("watchdog-after-soft-reset", check_running_watchdog); starve();
    case 3: run_one("watchdog-reset", check_watchdog_reset); lock_up();
    default: run_one("lockup", check_lockup); stage = {};
  }
}

}  // namespace metal
