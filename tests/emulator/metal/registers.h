// The chip's registers as this image needs them, written down from Nordic's "nRF52840 Product Specification"
// and Arm's "Armv7-M Architecture Reference Manual". No vendor's header takes part: what is held against the
// emulator is a second reading of the books.
#ifndef METAL_REGISTERS_H
#define METAL_REGISTERS_H

#include <stdint.h>

namespace metal {

using Register = volatile uint32_t;

inline Register& word(uint32_t address) {
  return *reinterpret_cast<Register*>(address);
}
inline volatile uint8_t& byte(uint32_t address) {
  return *reinterpret_cast<volatile uint8_t*>(address);
}

// A peripheral: its registers by offset, and the number of its interrupt, which is part of its address.
struct Peripheral {
  uint32_t base;
  Register& operator[](uint32_t offset) const { return word(base + offset); }
  constexpr uint32_t address(uint32_t offset) const { return base + offset; }
  constexpr uint32_t interrupt() const { return base >> 12 & 0xff; }
};

// Product specification, "Memory": instantiation.
constexpr Peripheral kClock{0x40000000}, kPower{0x40000000}, kRadio{0x40001000}, kUarte0{0x40002000},
    kTwi0{0x40003000}, kTwi1{0x40004000}, kGpiote{0x40006000}, kTimer0{0x40008000}, kTimer1{0x40009000},
    kTimer2{0x4000A000}, kRtc0{0x4000B000}, kTemp{0x4000C000}, kRng{0x4000D000}, kEcb{0x4000E000},
    kAar{0x4000F000}, kWdt{0x40010000}, kRtc1{0x40011000}, kEgu0{0x40014000}, kTimer3{0x4001A000},
    kTimer4{0x4001B000}, kPwm0{0x4001C000}, kPdm{0x4001D000}, kNvmc{0x4001E000}, kPpi{0x4001F000},
    kPwm1{0x40021000}, kPwm2{0x40022000}, kRtc2{0x40024000}, kUsbd{0x40027000}, kUarte1{0x40028000},
    kPwm3{0x4002D000}, kGpio0{0x50000000}, kGpio1{0x50000300};
constexpr Peripheral kFicr{0x10000000}, kUicr{0x10001000};

// "Peripheral interface": what every peripheral has at the same place.
constexpr uint32_t kShorts = 0x200, kInten = 0x300, kIntenset = 0x304, kIntenclr = 0x308;
constexpr uint32_t kFirstEvent = 0x100;
constexpr uint32_t event_bit(uint32_t event) {
  return 1u << ((event - kFirstEvent) / 4);
}

// Armv7-M, B3.2 and C1: system control, NVIC, SysTick, debug.
namespace scs {
constexpr uint32_t kIctr = 0xE000E004, kSystCsr = 0xE000E010, kSystRvr = 0xE000E014, kSystCvr = 0xE000E018,
                   kIser = 0xE000E100, kIcer = 0xE000E180, kIspr = 0xE000E200, kIcpr = 0xE000E280,
                   kIabr = 0xE000E300, kIpr = 0xE000E400, kCpuid = 0xE000ED00, kIcsr = 0xE000ED04,
                   kVtor = 0xE000ED08, kAircr = 0xE000ED0C, kScr = 0xE000ED10, kCcr = 0xE000ED14,
                   kShpr = 0xE000ED18, kShcsr = 0xE000ED24, kCfsr = 0xE000ED28, kHfsr = 0xE000ED2C,
                   kMmfar = 0xE000ED34, kBfar = 0xE000ED38, kCpacr = 0xE000ED88, kMpuType = 0xE000ED90,
                   kMpuCtrl = 0xE000ED94, kMpuRbar = 0xE000ED9C, kMpuRasr = 0xE000EDA0, kDemcr = 0xE000EDFC,
                   kStir = 0xE000EF00, kFpccr = 0xE000EF34, kDwtCtrl = 0xE0001000, kDwtCyccnt = 0xE0001004;
constexpr uint32_t kAircrKey = 0x05FA0000;
}  // namespace scs

// Numbers of exceptions; those of interrupts begin at 16.
enum Exception : uint32_t {
  kNmi = 2,
  kHardFault = 3,
  kMemManage = 4,
  kBusFault = 5,
  kUsageFault = 6,
  kSvcall = 11,
  kPendsv = 14,
  kSystick = 15,
  kInterrupt0 = 16
};

}  // namespace metal

#endif
