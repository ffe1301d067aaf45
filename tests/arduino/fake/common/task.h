// The board's task that runs the app: a coroutine of the test's thread. It never returns on a board; here
// each delay() hands back to the test.
#pragma once

// Sets up the task, which begins at the first run_task().
void start_task(void (*function)());
// Lets the task run until it rests.
void run_task();
// Called in the task: gives the processor away.
void rest_task();
// The task that is running, null: the test.
const void* running_task();
