#pragma once
#include "../common/world.h"

namespace mbed {
struct FlashIAP {
  int init() { return 0; }
  int program(const void* data, uint32_t address, uint32_t size) {
    return flash_program(address, data, size) ? 0 : -1;
  }
};
}  // namespace mbed
