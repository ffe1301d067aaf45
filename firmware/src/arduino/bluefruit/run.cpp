// The core runs setup() and loop() on a stack of 4 KB, too small for TensorFlow Lite Micro and a session. So
// the app has a task of its own, with the priority of loop(): radio and USB go first.
#include "../run.h"

#include <Adafruit_TinyUSB.h>
#include <Arduino.h>

namespace {

constexpr size_t kStackWords = 2048;  // 8 KB

StackType_t stack[kStackWords];
StaticTask_t task;
void (*start_app)();
void (*step_app)();

void run(void*) {
  start_app();
  for (;;) step_app();
}

}  // namespace

void run_app(void (*start)(), void (*step)()) {
  start_app = start;
  step_app = step;
  xTaskCreateStatic(run, "bytefed", kStackWords, nullptr, TASK_PRIO_LOW, stack, &task);
}

void run_loop() {
  suspendLoop();
}
