// The interface of the flash controller (NVMC), which decides what a write to flash does; with it the
// processor need not know peripherals.
#pragma once
#include <cstdint>

namespace emulator {

class FlashController {
 public:
  virtual ~FlashController() = default;
  virtual void write_flash(uint32_t address, unsigned size, uint32_t value) = 0;
};

}  // namespace emulator
