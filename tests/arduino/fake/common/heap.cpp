#include "heap.h"

#include "arduino.h"

// The board's `new` ends in malloc(), which the linker wraps; the laptop's library would call its own.
extern "C" void* __wrap__Znwm(size_t size) {
  return std::malloc(size);
}
