// The board's tasks: coroutines of the test's thread. They never return on a board; here each of their rests
// hands back to the test.
#pragma once
#include <ucontext.h>

#include <cstdint>

class Task {
 public:
  // Sets the task up; it begins at the first run().
  void start(void (*function)());
  // Lets the task run until it rests.
  void run();
  bool started() const { return started_; }

  // Ends the task's rest; if it isn't resting, its next rest ends at once.
  void wake() { woken_ = true; }
  // Called in the task: rests until it is woken, or until the world's clock has gone on by so many
  // milliseconds.
  void rest(uint32_t ms);

 private:
  friend void rest_task();

  ucontext_t test_, task_;
  char stack_[1 << 20];  // a laptop's frames are larger
  bool started_ = false, woken_ = false;
};

// The task that runs the app. The world's clock goes on by a millisecond each time that it hands back to the
// test.
extern Task app_task;
// The task that is running, null: the test.
Task* running_task();
// Called in a task: hands back to the test, which goes on with the task when it likes.
void rest_task();
