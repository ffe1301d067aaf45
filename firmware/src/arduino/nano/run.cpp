// Mbed OS runs loop() in its main thread, whose stack of 32 KB is enough.
#include "../run.h"

namespace {

void (*step_app)();

}  // namespace

void run_app(void (*start)(), void (*step)()) {
  start();
  step_app = step;
}

void run_loop() {
  step_app();
}
