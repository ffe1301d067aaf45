#pragma once
#include <cstddef>
#include <cstdint>

using StackType_t = uint32_t;
struct StaticTask_t {};
enum { TASK_PRIO_LOW = 1 };

void* xTaskCreateStatic(void (*function)(void*), const char* name, size_t words, void* context, int priority,
                        StackType_t* stack, StaticTask_t* task);
void* xTaskGetCurrentTaskHandle();

using TaskHandle_t = void*;
enum { pdTRUE = 1 };
constexpr uint32_t pdMS_TO_TICKS(uint32_t ms) {
  return ms * 1024 / 1000;
}
uint32_t ulTaskNotifyTake(int clear, uint32_t ticks);
void xTaskNotifyGive(TaskHandle_t task);
void suspendLoop();
