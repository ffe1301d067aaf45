// As in the C library of the chip: malloc() ends in _malloc_r(). In a file of its own, for the linker wraps
// what another one defines.
#include <Arduino.h>

extern "C" void* __wrap_malloc(size_t size) {
  return _malloc_r(nullptr, size);
}
