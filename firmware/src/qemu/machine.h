// The few registers of QEMU's mps2-an386 that the images use (Arm Application Note 386, CMSDK;
// ARMv7-M Architecture Reference Manual, B3).
#pragma once
#include <cstdint>

namespace machine {

struct UartRegisters {
  volatile uint32_t data, state, control, interrupts, baud_divider;
};
struct TimerRegisters {
  volatile uint32_t control, value, reload, interrupts;
};

inline UartRegisters& uart0() {
  return *reinterpret_cast<UartRegisters*>(0x40004000);
}
inline TimerRegisters& timer0() {
  return *reinterpret_cast<TimerRegisters*>(0x40000000);
}
inline volatile uint32_t& word(uint32_t address) {
  return *reinterpret_cast<volatile uint32_t*>(address);
}

// UART bits.
constexpr uint32_t kTxFull = 1, kRxFull = 2;                                          // state
constexpr uint32_t kTxEnable = 1, kRxEnable = 2, kTxInterrupt = 4, kRxInterrupt = 8;  // control
constexpr uint32_t kTxPending = 1, kRxPending = 2;                                    // interrupts

// System control.
constexpr uint32_t kInterruptEnable = 0xE000E100, kInterruptDisable = 0xE000E180;  // NVIC
constexpr uint32_t kCoprocessors = 0xE000ED88;                                     // CPACR
constexpr uint32_t kConfigurableFaultStatus = 0xE000ED28;
constexpr uint32_t kMemoryFaultAddress = 0xE000ED34, kBusFaultAddress = 0xE000ED38;

// Memory protection unit.
constexpr uint32_t kMpuControl = 0xE000ED94, kMpuBase = 0xE000ED9C, kMpuAttributes = 0xE000EDA0;
constexpr uint32_t kMpuRegionValid = 1u << 4, kMpuEnable = 1, kMpuDefaultElsewhere = 1u << 2;
constexpr uint32_t kMpuNoAccess = 0, kMpuReadOnly = 6u << 24, kMpuNeverExecute = 1u << 28;
constexpr uint32_t mpu_size(uint32_t bits) {
  return (bits - 1) << 1;
}  // 2^bits bytes

// A free-running counter of the FPGA system block.
constexpr uint32_t kCounter = 0x40028018, kPrescaler = 0x4002801C;
constexpr uint32_t kCounterClock = 20000000;  // Hz, before the prescaler

inline void disable_interrupts() {
  __asm volatile("cpsid i" ::: "memory");
}
inline void enable_interrupts() {
  __asm volatile("cpsie i" ::: "memory");
}
// Sleeps until an interrupt is pending, even while interrupts are disabled.
inline void wait_for_interrupt() {
  __asm volatile("dsb\n\twfi" ::: "memory");
}

}  // namespace machine
