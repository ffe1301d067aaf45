// Counts the heap memory that the app's task, or a library that it calls, asks for after the start. There
// should be none: every image counts (ABOUT tells the host), and a debug image stops at the first request.
#pragma once
#include <cstdint>

namespace heap {

// Starts to count the requests of the calling task. Other tasks, such as the radio's, may use the heap.
void watch();

// Number of requests since then; 65,535 stands for more.
uint16_t requests();

// The board family's allocator calls it before each request.
void asked();

// Identifies the task that is running.
const void* task();

}  // namespace heap
