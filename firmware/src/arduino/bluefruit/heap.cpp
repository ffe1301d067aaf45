// The core wraps malloc() already, so what lies below it is wrapped (platformio.ini); all others end there.
#include "../heap.h"

#include <Arduino.h>

#include <cstddef>

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
extern "C" {

void* __real__malloc_r(struct _reent* state, size_t size);

void* __wrap__malloc_r(struct _reent* state, size_t size) {
  heap::asked();
  return __real__malloc_r(state, size);
}
}
// NOLINTEND(bugprone-reserved-identifier)

const void* heap::task() {
  return xTaskGetCurrentTaskHandle();
}
