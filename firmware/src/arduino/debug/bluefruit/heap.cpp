// The core wraps malloc() already, so what lies below it is caught (platformio.ini, --wrap); calloc() and
// realloc() end there too.
#include <Arduino.h>

#include <cstddef>

#include "../trap.h"

extern "C" {

void* __real__malloc_r(struct _reent* state, size_t size);

void* __wrap__malloc_r(struct _reent* state, size_t size) {
  trap::heap_asked();
  return __real__malloc_r(state, size);
}
}

const void* trap::task() {
  return xTaskGetCurrentTaskHandle();
}
