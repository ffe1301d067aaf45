#include "heap.h"

#include "bytefed/assert.h"

namespace heap {
namespace {

const void* watched = nullptr;  // null until a task is watched
uint16_t count = 0;

}  // namespace

void watch() {
  watched = task();
}

uint16_t requests() {
  return count;
}

void asked() {
  if (watched == nullptr || task() != watched) return;
  BYTEFED_ASSERT(false);
  if (count < UINT16_MAX) ++count;
}

}  // namespace heap
