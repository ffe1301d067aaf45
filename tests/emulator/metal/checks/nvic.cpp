// Armv7-M, B3.4 (NVIC), B1.5 (exceptions): who runs when, and who waits. The interrupts are those of EGU0 to
// EGU5, pended by software.
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kA = 20, kB = 21, kC = 22, kD = 23;  // interrupts that no peripheral raises here

// The handlers that ran, a letter each: small when a handler begins, capital when it ends.
char trace[32];
uint32_t traced;
volatile uint32_t thread_steps, thread_seen[8];

void forget() {
  traced = 0;
  for (char& letter : trace) letter = 0;
}
void note(char letter) {
  if (traced < sizeof trace - 1) trace[traced++] = letter;
}
uint32_t differs(const char* want) {  // 0: the trace is as wanted; else the first place that is not
  for (uint32_t i = 0;; ++i) {
    if (trace[i] != want[i]) return i + 1;
    if (want[i] == 0) return 0;
  }
}

uint32_t pend_within_a, pend_within_b;
void on_a() {
  note('a');
  if (pend_within_a != 0) pend(pend_within_a);
  note('A');
}
void on_b() {
  note('b');
  if (pend_within_b != 0) pend(pend_within_b);
  note('B');
}
void on_c() {
  note('c');
  note('C');
}

void set_up(uint8_t a, uint8_t b, uint8_t c) {
  forget();
  pend_within_a = pend_within_b = 0;
  handle(kInterrupt0 + kA, on_a);
  handle(kInterrupt0 + kB, on_b);
  handle(kInterrupt0 + kC, on_c);
  set_priority(kA, a);
  set_priority(kB, b);
  set_priority(kC, c);
  for (const uint32_t interrupt : {kA, kB, kC}) {
    unpend(interrupt);
    enable(interrupt);
  }
}

void check_pending() {
  set_up(0x40, 0x40, 0x40);
  disable(kA);
  pend(kA);
  TRUE(is_pending(kA));
  EQUAL(differs(""), 0);
  unpend(kA);
  TRUE(!is_pending(kA));
  pend(kA);
  enable(kA);
  __asm volatile("dsb\n\tisb" ::: "memory");
  EQUAL(differs("aA"), 0);
  TRUE(!is_pending(kA));
  EQUAL(word(scs::kIser) & 1u << kA, 1u << kA);
  word(scs::kStir) = kA;  // the trigger register pends, too
  __asm volatile("dsb\n\tisb" ::: "memory");
  EQUAL(differs("aAaA"), 0);
}

void check_priorities() {
  set_priority(kA, 0xFF);
  EQUAL(byte(scs::kIpr + kA), 0xE0);  // three bits
  set_up(0x60, 0x40, 0x20);
  set_primask(1);
  pend(kA);
  pend(kB);
  pend(kC);
  EQUAL(differs(""), 0);
  set_primask(0);
  EQUAL(differs("cCbBaA"), 0);
  set_up(0x40, 0x40, 0x40);  // equal ones in the order of their numbers
  set_primask(1);
  pend(kC);
  pend(kB);
  pend(kA);
  set_primask(0);
  EQUAL(differs("aAbBcC"), 0);
}

void check_nesting() {
  set_up(0x60, 0x40, 0x20);
  pend_within_a = kB;
  pend_within_b = kC;
  pend(kA);
  EQUAL(differs("abcCBA"), 0);
  set_up(0x40, 0x40, 0x60);  // neither an equal nor a lower one comes in between
  pend_within_a = kB;
  pend_within_b = kC;
  pend(kA);
  EQUAL(differs("aAbBcC"), 0);
  // With PRIGROUP 6, bit 7 alone says who may interrupt whom; the rest says who is first.
  word(scs::kAircr) = scs::kAircrKey | 6u << 8;
  EQUAL(word(scs::kAircr) & 0x700, 6u << 8);
  set_up(0x60, 0x40, 0x20);
  pend_within_a = kB;
  pend(kA);
  EQUAL(differs("aAbB"), 0);
  set_up(0x60, 0x40, 0x20);
  set_primask(1);
  pend(kA);
  pend(kB);
  set_primask(0);
  EQUAL(differs("bBaA"), 0);
  set_up(0x80, 0x40, 0x20);
  pend_within_a = kB;
  pend(kA);
  EQUAL(differs("abBA"), 0);
  word(scs::kAircr) = scs::kAircrKey;
  word(scs::kAircr) = 0x12340000 | 6u << 8;  // without the key nothing is written
  EQUAL(word(scs::kAircr) & 0x700, 0);
}

uint32_t seen_icsr, seen_active, seen_ipsr, seen_return, depth_icsr;
void on_state() {
  __asm volatile("mov %0, lr" : "=r"(seen_return));
  seen_icsr = word(scs::kIcsr);
  seen_ipsr = get_ipsr();
  seen_active = is_active(kA);
  pend(kB);
}
void on_deep() {
  depth_icsr = word(scs::kIcsr);
}

void check_state() {
  set_up(0x60, 0x40, 0x20);
  handle(kInterrupt0 + kA, on_state);
  handle(kInterrupt0 + kB, on_deep);
  disable(kC);
  pend(kC);  // pending, but not enabled: not what is next
  pend(kA);
  EQUAL(seen_icsr & 0x1FF, kInterrupt0 + kA);
  EQUAL(seen_icsr >> 11 & 1, 1);   // RETTOBASE
  EQUAL(depth_icsr >> 11 & 1, 0);  // one handler above another
  EQUAL(depth_icsr & 0x1FF, kInterrupt0 + kB);
  EQUAL(seen_icsr >> 12 & 0x1FF, 0);
  EQUAL(seen_ipsr, kInterrupt0 + kA);
  EQUAL(seen_active, 1);
  TRUE(!is_active(kA));
  EQUAL(get_ipsr(), 0);
  unpend(kC);
  enable(kC);
  set_primask(1);
  pend(kB);
  EQUAL(word(scs::kIcsr) >> 12 & 0x1FF, kInterrupt0 + kB);
  TRUE((word(scs::kIcsr) >> 22 & 1) == 1);  // ISRPENDING
  unpend(kB);
  set_primask(0);
  EQUAL(word(scs::kIctr) & 15, 1);  // 33 to 64 interrupts
}

// A level that stays is a handler that comes again; thread mode does not get a word in between (tail
// chaining).
volatile uint32_t levels;
void on_level() {
  thread_seen[levels & 7] = thread_steps;
  levels += 1;
  if (levels == 5) clear(kEgu0, 0x100);
}

void check_level() {
  levels = 0;
  thread_steps = 0;
  clear(kEgu0, 0x100);
  kEgu0[kInten] = 1;
  handle(kInterrupt0 + kEgu0.interrupt(), on_level);
  enable(kEgu0.interrupt());
  kEgu0[0x000] = 1;
  for (uint32_t i = 0; i < 100; ++i) thread_steps = thread_steps + 1;
  EQUAL(levels, 5);
  EQUAL(thread_seen[4], thread_seen[0]);
  disable(kEgu0.interrupt());
  kEgu0[kInten] = 0;
}

}  // namespace

void check_nvic() {
  check_pending();
  check_priorities();
  check_nesting();
  check_state();
  check_level();
}

namespace {

void on_nmi() {
  note('n');
}

void check_primask() {
  set_up(0x60, 0x40, 0x20);
  handle(kNmi, on_nmi);
  __asm volatile("cpsid i" ::: "memory");
  EQUAL(get_primask(), 1);
  pend(kC);
  EQUAL(differs(""), 0);
  word(scs::kIcsr) = 1u << 31;  // the NMI asks nobody
  __asm volatile("dsb\n\tisb" ::: "memory");
  EQUAL(differs("n"), 0);
  __asm volatile("cpsie i\n\tisb" ::: "memory");
  EQUAL(differs("ncC"), 0);
}

void check_basepri() {
  set_up(0x60, 0x40, 0x20);
  set_basepri(0x40);
  pend(kA);
  pend(kB);
  pend(kC);
  EQUAL(differs("cC"), 0);
  set_basepri(0x60);
  EQUAL(differs("cCbB"), 0);
  set_basepri(0);
  EQUAL(differs("cCbBaA"), 0);
  set_basepri(0x5F);  // only three bits of it count
  set_priority(kB, 0x40);
  pend(kB);
  EQUAL(differs("cCbBaA"), 0);
  set_basepri(0);
  EQUAL(differs("cCbBaAbB"), 0);
  set_basepri(0x40);
  set_basepri_max(0x80);  // may only raise the bar
  EQUAL(get_basepri(), 0x40);
  set_basepri_max(0x20);
  EQUAL(get_basepri(), 0x20);
  set_basepri(0);
}

void on_sneak() {
  note('s');
  set_faultmask(1);
  pend(kC);
  note('S');
}

void check_faultmask() {
  set_up(0x60, 0x40, 0x20);
  set_faultmask(1);
  EQUAL(get_faultmask(), 1);
  pend(kC);
  EQUAL(differs(""), 0);
  set_faultmask(0);
  EQUAL(differs("cC"), 0);
  set_up(0x60, 0x40, 0x20);
  handle(kInterrupt0 + kA, on_sneak);
  pend(kA);  // its return clears FAULTMASK
  EQUAL(get_faultmask(), 0);
  EQUAL(differs("sScC"), 0);
}

}  // namespace

void check_masks() {
  check_primask();
  check_basepri();
  check_faultmask();
}

// SVC, PendSV and stacks.
namespace {

volatile uint32_t svc_number, svc_return, svc_stacked_pc, svc_argument;

extern "C" __attribute__((used)) void metal_svc(uint32_t* frame, uint32_t exc_return) {
  note('v');
  svc_return = exc_return;
  svc_stacked_pc = frame[6];
  svc_number = *reinterpret_cast<volatile uint8_t*>(frame[6] - 2);
  svc_argument = frame[0];
  frame[0] = frame[0] + frame[1];
  word(scs::kIcsr) = 1u << 28;  // PendSV: as low as it gets, so after this handler
  __asm volatile("dsb\n\tisb" ::: "memory");
  note('V');
}

__attribute__((naked)) void on_svc() {
  __asm volatile(
      "tst lr, #4\n\t"
      "ite eq\n\t"
      "mrseq r0, msp\n\t"
      "mrsne r0, psp\n\t"
      "mov r1, lr\n\t"
      "b metal_svc");
}
void on_pendsv() {
  note('p');
}

uint32_t call_svc(uint32_t a, uint32_t b) {
  register uint32_t r0 __asm("r0") = a;
  register uint32_t r1 __asm("r1") = b;
  __asm volatile("svc #42" : "+r"(r0) : "r"(r1) : "memory", "r2", "r3", "r12", "lr");
  return r0;
}

__attribute__((aligned(8))) uint32_t process_stack[128];
uint32_t on_process_stack(uint32_t a, uint32_t b) {
  set_psp(reinterpret_cast<uint32_t>(process_stack + 128));
  uint32_t got;
  register uint32_t r0 __asm("r0") = a;
  register uint32_t r1 __asm("r1") = b;
  __asm volatile(
      "mrs r2, control\n\t"
      "orr r2, #2\n\t"
      "msr control, r2\n\t"
      "isb\n\t"
      "svc #43\n\t"
      "mrs r2, control\n\t"
      "bic r2, #2\n\t"
      "msr control, r2\n\t"
      "isb"
      : "+r"(r0)
      : "r"(r1)
      : "memory", "r2", "r3", "r12", "lr");
  got = r0;
  return got;
}

void check_svc_within_handler() {
  note('a');
  EQUAL(call_svc(3, 4), 7);
  EQUAL(svc_return & ~0x10u, 0xFFFFFFE1);  // back to a handler
  note('A');
}

// Unprivileged code can neither write CONTROL nor PRIMASK.
void check_privilege() {
  set_psp(reinterpret_cast<uint32_t>(process_stack + 128));
  handle(kSvcall, [] { set_control(get_control() & ~1u); });
  uint32_t mask, control;
  __asm volatile(
      "mrs r2, control\n\t"
      "orr r2, #1\n\t"
      "msr control, r2\n\t"
      "isb\n\t"
      "movs r2, #1\n\t"
      "msr primask, r2\n\t"
      "movs r2, #0\n\t"
      "msr control, r2\n\t"
      "isb\n\t"
      "mrs %1, control\n\t"
      "svc #1\n\t"
      "mrs %0, primask\n\t"
      : "=r"(mask), "=r"(control)
      :
      : "memory", "r0", "r1", "r2", "r3", "r12", "lr", "cc");
  EQUAL(mask, 0);
  EQUAL(control & 1, 1);
  EQUAL(get_control() & 1, 0);
}

}  // namespace

void check_system_exceptions() {
  set_up(0x60, 0x40, 0x20);
  handle(kSvcall, on_svc);
  handle(kPendsv, on_pendsv);
  byte(scs::kShpr + kSvcall - 4) = 0x40;
  byte(scs::kShpr + kPendsv - 4) = 0xFF;
  EQUAL(byte(scs::kShpr + kPendsv - 4), 0xE0);
  EQUAL(call_svc(1000, 234), 1234);
  EQUAL(svc_number, 42);
  EQUAL(svc_argument, 1000);
  EQUAL(svc_return & ~0x10u, 0xFFFFFFE9);  // thread mode, main stack
  EQUAL(differs("vVp"), 0);
  forget();
  EQUAL(on_process_stack(5, 6), 11);
  EQUAL(svc_number, 43);
  EQUAL(svc_return & ~0x10u, 0xFFFFFFED);  // thread mode, process stack
  EQUAL(get_psp(), reinterpret_cast<uint32_t>(process_stack + 128));
  EQUAL(differs("vVp"), 0);
  forget();
  handle(kInterrupt0 + kA, check_svc_within_handler);
  pend(kA);
  EQUAL(differs("avVAp"), 0);
  word(scs::kIcsr) = 1u << 28 | 0;
  set_primask(1);
  word(scs::kIcsr) = 1u << 28;
  EQUAL(word(scs::kIcsr) >> 28 & 1, 1);
  word(scs::kIcsr) = 1u << 27;  // taken back
  EQUAL(word(scs::kIcsr) >> 28 & 1, 0);
  set_primask(0);
  check_privilege();
  byte(scs::kShpr + kSvcall - 4) = 0;
  byte(scs::kShpr + kPendsv - 4) = 0;
}

namespace {

volatile uint32_t systicks;
void on_systick() {
  systicks += 1;
}

}  // namespace

// Armv7-M, B3.3.
void check_systick() {
  systicks = 0;
  handle(kSystick, on_systick);
  word(scs::kSystCsr) = 0;
  word(scs::kSystRvr) = 6400 - 1;  // 100 us
  word(scs::kSystCvr) = 0;
  word(scs::kSystCsr) = 5;  // the processor's clock, no interrupt
  delay(50);
  BETWEEN(word(scs::kSystCvr), 6400 - 3200 - 200, 6400 - 3200 + 200);
  EQUAL(word(scs::kSystCsr) >> 16 & 1, 0);
  delay(60);
  EQUAL(word(scs::kSystCsr) >> 16 & 1, 1);
  EQUAL(word(scs::kSystCsr) >> 16 & 1, 0);  // reading clears it
  EQUAL(systicks, 0);
  word(scs::kSystCvr) = 0;
  word(scs::kSystCsr) = 7;
  delay(1050);
  word(scs::kSystCsr) = 0;
  BETWEEN(systicks, 10, 11);
  const uint32_t before = systicks;
  delay(300);
  EQUAL(systicks, before);
  word(scs::kIcsr) = 1u << 26;
  __asm volatile("dsb\n\tisb" ::: "memory");
  EQUAL(systicks, before + 1);
}

}  // namespace metal
