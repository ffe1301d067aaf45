// The chip's noise source.
#include <random>

#include "chip_registers.h"
#include "world.h"

FakeReady::operator uint32_t() const {
  return world.noise == Noise::kNone ? 0 : 1;
}

FakeValue::operator uint32_t() const {
  static std::random_device source;
  static uint32_t count = 0;
  switch (world.noise) {
    case Noise::kZeros: return 0;
    case Noise::kBiased: return count++ % 2 == 0 ? 7 : source() & 0xFF;
    default: return source() & 0xFF;
  }
}
