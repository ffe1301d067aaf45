// Armv7-M, B1.5.14 (fault behaviour) and B3.2.15 (fault status): each fault is provoked, and the image goes
// on.
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kNowhere = 0x60000000;  // no memory, and none of the chip's peripherals
constexpr uint32_t kPrecise = 1u << 9, kImprecise = 1u << 10, kBfarValid = 1u << 15,
                   kInstructionBus = 1u << 8, kUndefined = 1u << 16, kInvalidState = 1u << 17,

                   kInstructionAccess = 1u << 0, kForced = 1u << 30;

volatile uint32_t zero = 0;
__attribute__((aligned(4))) volatile uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};

uint32_t load(uint32_t address) {
  uint32_t value;
  __asm volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return value;
}

void check_bus() {
  TRUE(faults([] { load(kNowhere); }));
  EQUAL(last_fault.exception, kHardFault);  // bus faults have no handler of their own yet
  EQUAL(last_fault.hfsr, kForced);
  EQUAL(last_fault.cfsr, kPrecise | kBfarValid);
  EQUAL(last_fault.bfar, kNowhere);
  word(scs::kShcsr) = 7u << 16;
  TRUE(faults([] { load(kNowhere + 0x123450); }));
  EQUAL(last_fault.exception, kBusFault);
  EQUAL(last_fault.hfsr, 0);
  EQUAL(last_fault.bfar, kNowhere + 0x123450);
  TRUE(faults([] {
    word(kNowhere) = 1;
    __asm volatile("dsb" ::: "memory");
  }));
  EQUAL(last_fault.exception, kBusFault);
  TRUE((last_fault.cfsr & (kPrecise | kImprecise)) != 0);  // the write buffer may make it imprecise
  TRUE(faults([] { reinterpret_cast<void (*)()>(kNowhere | 1)(); }));
  EQUAL(last_fault.exception, kBusFault);
  EQUAL(last_fault.cfsr, kInstructionBus);
  EQUAL(last_fault.pc & ~1u, kNowhere);
  TRUE(faults([] { load(0x20040000); }));  // just behind RAM
  EQUAL(last_fault.bfar, 0x20040000);
  TRUE(faults([] { load(0x00100000); }));  // just behind flash
  EQUAL(last_fault.bfar, 0x00100000);
  TRUE(!faults([] { load(0x2003FFFC); }));
  TRUE(!faults([] { load(0x000FFFFC); }));
}

void check_usage() {
  TRUE(faults([] { __asm volatile(".hword 0xDE00"); }));  // udf #0
  EQUAL(last_fault.exception, kUsageFault);
  EQUAL(last_fault.cfsr, kUndefined);
  TRUE(faults([] { __asm volatile(".inst.w 0xF7F0A000"); }));  // udf.w #0
  EQUAL(last_fault.cfsr, kUndefined);
  TRUE(faults([] {
    uint32_t to = reinterpret_cast<uint32_t>(zero + 0x1000);
    __asm volatile("blx %0" ::"r"(to) : "lr", "memory");  // an even address: Arm code, which there is not
  }));
  EQUAL(last_fault.exception, kUsageFault);
  EQUAL(last_fault.cfsr, kInvalidState);
  uint32_t quotient = 1;
  __asm volatile("udiv %0, %1, %2" : "=r"(quotient) : "r"(7), "r"(zero));
  EQUAL(quotient, 0);
}

void check_alignment() {
  EQUAL(load(reinterpret_cast<uint32_t>(bytes) + 1), 0x05040302);
}

// Peripherals are no place for code.
void check_execute_never() {
  TRUE(faults([] { reinterpret_cast<void (*)()>(0x40000001)(); }));
  EQUAL(last_fault.exception, kMemManage);
  EQUAL(last_fault.cfsr, kInstructionAccess);
  EQUAL(last_fault.pc & ~1u, 0x40000000);
}

// A fault, or an SVC, that may not run becomes a hard fault.
void check_escalation() {
  set_primask(1);
  TRUE(faults([] { load(kNowhere); }));
  set_primask(0);
  EQUAL(last_fault.exception, kHardFault);
  EQUAL(last_fault.hfsr, kForced);
  EQUAL(last_fault.cfsr, kPrecise | kBfarValid);
  set_primask(1);
  TRUE(faults([] { __asm volatile("svc #0"); }));
  set_primask(0);
  EQUAL(last_fault.exception, kHardFault);
  EQUAL(last_fault.hfsr, kForced);
}

}  // namespace

void check_faults() {
  check_bus();
  check_usage();
  check_alignment();
  check_execute_never();
  check_escalation();
}

}  // namespace metal
