// Mbed already wraps the functions below malloc(), so these three are wrapped instead (platformio.ini); `new`
// calls them, too.
#include "../heap.h"

#include <cmsis_os2.h>

#include <cstddef>

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
extern "C" {

void* __real_malloc(size_t size);
void* __real_calloc(size_t count, size_t size);
void* __real_realloc(void* old, size_t size);

void* __wrap_malloc(size_t size) {
  heap::asked();
  return __real_malloc(size);
}

void* __wrap_calloc(size_t count, size_t size) {
  heap::asked();
  return __real_calloc(count, size);
}

void* __wrap_realloc(void* old, size_t size) {
  heap::asked();
  return __real_realloc(old, size);
}
}
// NOLINTEND(bugprone-reserved-identifier)

const void* heap::task() {
  return osThreadGetId();
}
