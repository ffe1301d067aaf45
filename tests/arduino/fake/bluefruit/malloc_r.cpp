#include <Arduino.h>

#include "../common/heap.h"

extern "C" void* _malloc_r(struct _reent*, size_t size) {
  return __real_malloc(size);
}
