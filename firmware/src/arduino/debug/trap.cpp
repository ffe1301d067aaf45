#include "trap.h"

#include "../lamp.h"
#include "bytefed/assert.h"

namespace trap {
namespace {

const void* owner = nullptr;  // null: not armed

}  // namespace

void arm() {
  owner = task();
}

void heap_asked() {
  BYTEFED_ASSERT(owner == nullptr || task() != owner);
}

}  // namespace trap

// Where it was, a debugger shows.
void bytefed::assertion_failed(const char*, int) {
  lamp::set({1, 0, 0});
  for (;;) {
  }
}
