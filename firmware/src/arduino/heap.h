// Heap memory that the app's task asks for once it runs, be it for a library that it calls. There should be
// none: every image counts (ABOUT tells the host), a debug image stops at the first.
#pragma once
#include <cstdint>

namespace heap {

// From here on the requests of the task that calls are counted. Other tasks, the radio's among them, may.
void watch();

// Pieces that were asked for since; 65,535 stands for more.
uint16_t requests();

// Called by the family's allocator, before each piece.
void asked();

// The task that is running.
const void* task();

}  // namespace heap
