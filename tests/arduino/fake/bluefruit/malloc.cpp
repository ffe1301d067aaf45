// malloc() ends in _malloc_r(), as in the C library of the chip. It has a file of its own, for the linker
// wraps only symbols that another file defines.
#include <Arduino.h>

extern "C" void* __wrap_malloc(size_t size) {
  return _malloc_r(nullptr, size);
}
