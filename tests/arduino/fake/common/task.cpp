#include "task.h"

#include "world.h"

Task app_task;

namespace {

constexpr uint32_t kTicksToSleep = 2;  // FreeRTOS: configEXPECTED_IDLE_TIME_BEFORE_SLEEP

Task* running = nullptr;

}  // namespace

void Task::start(void (*function)()) {
  getcontext(&task_);
  task_.uc_stack.ss_sp = stack_;
  task_.uc_stack.ss_size = sizeof stack_;
  makecontext(&task_, function, 0);
  started_ = true;
}

void Task::run() {
  running = this;
  swapcontext(&test_, &task_);
}

void Task::rest(uint32_t ms) {
  const uint32_t began = world.now;
  while (!woken_ && world.now - began < ms) {
    if (this == &app_task) {
      ++world.now;
      if (ms >= kTicksToSleep) ++world.asleep;
    }
    rest_task();
  }
  woken_ = false;
  if (this == &app_task) ++world.wakings;
}

Task* running_task() {
  return running;
}

void rest_task() {
  Task* self = running;
  running = nullptr;
  swapcontext(&self->task_, &self->test_);
}
