// What the debug environments watch: assertions, and that the app takes no heap memory once it runs. A board
// that is caught shows red without blinking, until the watchdog resets it after 30 s.
#pragma once

namespace trap {

#ifdef BYTEFED_DEBUG

// From here on heap memory is forbidden to the task that calls. Others, the radio's among them, may.
void arm();

// Called for each piece of heap memory that is asked for.
void heap_asked();

// The task that is running.
const void* task();

#else

inline void arm() {}

#endif

}  // namespace trap
