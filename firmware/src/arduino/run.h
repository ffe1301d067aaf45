// Runs the app in Arduino's own loop, or in a task with a stack that is known to be large enough.
#pragma once

// Calls `start` once and then `step` forever, at once or as soon as loop() runs.
void run_app(void (*start)(), void (*step)());

// The body of Arduino's loop().
void run_loop();
