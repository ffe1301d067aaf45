// Mbed's threads, as far as the way to the controller needs them.
#pragma once
#include <chrono>
#include <cstdint>

enum osPriority_t { osPriorityNormal = 24, osPriorityAboveNormal = 32 };
constexpr uint32_t OS_STACK_SIZE = 4096, osWaitForever = UINT32_MAX;

namespace rtos {

class Thread {
 public:
  explicit Thread(osPriority_t = osPriorityNormal, uint32_t = OS_STACK_SIZE, unsigned char* = nullptr,
                  const char* = nullptr) {}
  void start(void (*function)());
  void terminate() {}
};

class EventFlags {
 public:
  uint32_t set(uint32_t flags);
  uint32_t wait_any_for(uint32_t flags, std::chrono::milliseconds time);
  uint32_t wait_all(uint32_t flags, uint32_t milliseconds, bool) {
    return wait_any_for(flags, std::chrono::milliseconds(milliseconds));
  }
};

struct Kernel {
  struct Clock {
    static std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds> now();
  };
};

namespace ThisThread {
void sleep_for(std::chrono::milliseconds time);
inline void sleep_for(uint64_t milliseconds) {
  sleep_for(std::chrono::milliseconds(milliseconds));
}
}  // namespace ThisThread

}  // namespace rtos
