// The core already wraps malloc(), so the function below it is wrapped instead (platformio.ini); all others
// call it.
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
