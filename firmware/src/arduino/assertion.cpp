// A failed assertion in a debug image shows a steady red light until the watchdog resets the board after 30
// s. A debugger shows where it failed.
#include "bytefed/assert.h"

#ifdef BYTEFED_DEBUG

#include "chip.h"
#include "lamp.h"

void bytefed::assertion_failed(const char*, int) {
  lamp::set({1, 0, 0});
  for (;;) chip::rest(1000);
}

#endif
