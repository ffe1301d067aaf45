// Handlers, faults that are meant, and waiting.
#ifndef METAL_CPU_H
#define METAL_CPU_H

#include "registers.h"

namespace metal {

// The vector table in RAM; what is not handled is reported and ends the image.
using Handler = void (*)();
void handle(uint32_t exception, Handler handler);
void handle_nothing();  // gives every exception its first handler again, and forgets what is pending or
                        // enabled

inline void enable(uint32_t interrupt) {
  word(scs::kIser + interrupt / 32 * 4) = 1u << interrupt % 32;
}
inline void disable(uint32_t interrupt) {
  word(scs::kIcer + interrupt / 32 * 4) = 1u << interrupt % 32;
  __asm volatile("dsb\n\tisb" ::: "memory");
}
inline void pend(uint32_t interrupt) {
  word(scs::kIspr + interrupt / 32 * 4) = 1u << interrupt % 32;
  __asm volatile("dsb\n\tisb" ::: "memory");
}
inline void unpend(uint32_t interrupt) {
  word(scs::kIcpr + interrupt / 32 * 4) = 1u << interrupt % 32;
}
inline bool is_pending(uint32_t interrupt) {
  return word(scs::kIspr + interrupt / 32 * 4) >> interrupt % 32 & 1;
}
inline bool is_active(uint32_t interrupt) {
  return word(scs::kIabr + interrupt / 32 * 4) >> interrupt % 32 & 1;
}
inline void set_priority(uint32_t interrupt, uint8_t priority) {
  byte(scs::kIpr + interrupt) = priority;
}

#define METAL_SPECIAL(name)                                             \
  inline uint32_t get_##name() {                                        \
    uint32_t value;                                                     \
    __asm volatile("mrs %0, " #name : "=r"(value)::"memory");           \
    return value;                                                       \
  }                                                                     \
  inline void set_##name(uint32_t value) {                              \
    __asm volatile("msr " #name ", %0\n\tisb" ::"r"(value) : "memory"); \
  }
METAL_SPECIAL(primask)
METAL_SPECIAL(basepri)
METAL_SPECIAL(basepri_max)
METAL_SPECIAL(faultmask)
METAL_SPECIAL(control)
METAL_SPECIAL(ipsr)
METAL_SPECIAL(psp)
METAL_SPECIAL(msp)
#undef METAL_SPECIAL

// The state that the last fault left behind.
struct Fault {
  uint32_t exception, cfsr, hfsr, mmfar, bfar, pc, exc_return;
};
extern Fault last_fault;

// Runs `action`; true if a fault ended it (then `last_fault` says which).
bool faults(void (*action)());

// Processor cycles, 64 a microsecond; they stand still while the processor sleeps.
inline uint32_t cycles() {
  return word(scs::kDwtCyccnt);
}
void start_cycles();
void delay(uint32_t microseconds);

// Waits, awake, until an event register is not 0; false after `microseconds`.
bool comes(const Peripheral& peripheral, uint32_t event, uint32_t microseconds);

// Clears an event, so that it can be waited for.
inline void clear(const Peripheral& peripheral, uint32_t event) {
  peripheral[event] = 0;
  const uint32_t read_back = peripheral[event];  // so that it has arrived
  (void)read_back;
}

[[noreturn]] void reset_chip();

}  // namespace metal

#endif
