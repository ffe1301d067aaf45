// Debug images: a red light that does not blink, until the watchdog resets the board after 30 s. Where it
// was, a debugger shows.
#include "bytefed/assert.h"

#ifdef BYTEFED_DEBUG

#include "chip.h"
#include "lamp.h"

void bytefed::assertion_failed(const char*, int) {
  lamp::set({1, 0, 0});
  for (;;) chip::rest();
}

#endif
