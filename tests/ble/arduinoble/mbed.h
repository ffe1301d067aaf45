// The part of Mbed that the library's own transport takes.
#pragma once
#include <rtos/rtos.h>

#include <chrono>

#define MBED_ENCODE_VERSION(major, minor, patch) ((major) * 10000 + (minor) * 100 + (patch))
#define MBED_VERSION MBED_ENCODE_VERSION(6, 17, 0)
#define MBED_ASSERT(condition) static_cast<void>(condition)

void wait_us(uint64_t microseconds);

namespace mbed {

// Nobody else runs meanwhile. Locks may be within each other.
class CriticalSectionLock {
 public:
  CriticalSectionLock() { enable(); }
  ~CriticalSectionLock() { disable(); }
  static void enable();
  static void disable();
};

class LowPowerTimer {
 public:
  void start() { reset(); }
  void reset() { began_ = Clock::now(); }
  int64_t read_high_resolution_us() const {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point began_ = Clock::now();
};

}  // namespace mbed
