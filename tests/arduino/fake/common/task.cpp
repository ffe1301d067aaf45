#include "task.h"

#include <ucontext.h>

namespace {

ucontext_t test, task;
char stack[1 << 20];  // a laptop's frames are larger
bool running = false;

}  // namespace

void start_task(void (*function)()) {
  getcontext(&task);
  task.uc_stack.ss_sp = stack;
  task.uc_stack.ss_size = sizeof stack;
  makecontext(&task, function, 0);
}

void run_task() {
  running = true;
  swapcontext(&test, &task);
}

void rest_task() {
  running = false;
  swapcontext(&task, &test);
}

const void* running_task() {
  return running ? &task : nullptr;
}
