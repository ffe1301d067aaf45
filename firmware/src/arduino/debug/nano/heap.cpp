// Mbed wraps what lies below malloc() already, so these are caught (platformio.ini, --wrap).
#include <cmsis_os2.h>

#include <cstddef>

#include "../trap.h"

extern "C" {

void* __real_malloc(size_t size);
void* __real_calloc(size_t count, size_t size);
void* __real_realloc(void* old, size_t size);

void* __wrap_malloc(size_t size) {
  trap::heap_asked();
  return __real_malloc(size);
}

void* __wrap_calloc(size_t count, size_t size) {
  trap::heap_asked();
  return __real_calloc(count, size);
}

void* __wrap_realloc(void* old, size_t size) {
  trap::heap_asked();
  return __real_realloc(old, size);
}
}

const void* trap::task() {
  return osThreadGetId();
}
