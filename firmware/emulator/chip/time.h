// Virtual time: counted in cycles of the 64 MHz clock that the processor and the fast timers share.
#pragma once
#include <cstdint>

namespace emulator {

using Cycles = uint64_t;

constexpr Cycles kCyclesPerSecond = 64'000'000;
constexpr Cycles kNever = ~Cycles{0};

constexpr Cycles microseconds(uint64_t count) {
  return count * (kCyclesPerSecond / 1'000'000);
}
constexpr Cycles milliseconds(uint64_t count) {
  return count * (kCyclesPerSecond / 1'000);
}

}  // namespace emulator
