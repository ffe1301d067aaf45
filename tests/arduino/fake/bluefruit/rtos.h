#pragma once
#include <cstddef>
#include <cstdint>

using StackType_t = uint32_t;
struct StaticTask_t {};
enum { TASK_PRIO_LOW = 1 };

void* xTaskCreateStatic(void (*function)(void*), const char* name, size_t words, void* context, int priority,
                        StackType_t* stack, StaticTask_t* task);
void* xTaskGetCurrentTaskHandle();
void suspendLoop();
