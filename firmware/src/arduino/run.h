// Where the app runs: Arduino's own loop, or a task with a stack that is known to be large enough.
#pragma once

// Calls `start` once and then `step` for ever, now or from loop() on.
void run_app(void (*start)(), void (*step)());

// What loop() is to do.
void run_loop();
