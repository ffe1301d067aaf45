#include <Arduino.h>
#include <USB/PluggableUSBSerial.h>
#include <cmsis_os2.h>

#include <algorithm>

#include "../board.h"
#include "../common/task.h"
#include "../common/world.h"

FakeUsbSerial _SerialUSB;
extern "C" uint32_t mbed_heap_size;
uint32_t mbed_heap_size = 100000000;

namespace {

FakeUsb usb;

}  // namespace

FakeUsb* NRF_USBD = &usb;

void* osThreadGetId() {
  return running_task();
}
uint32_t osThreadFlagsWait(uint32_t flags, uint32_t, uint32_t ms) {
  running_task()->rest(ms);
  return flags;
}
uint32_t osThreadFlagsSet(osThreadId_t thread, uint32_t flags) {
  static_cast<Task*>(thread)->wake();
  return flags;
}
void delay(unsigned long ms) {
  world.now += static_cast<uint32_t>(ms);
  if (running_task() != nullptr) rest_task();
}
void digitalWrite(int pin, int level) {
  const unsigned bit = 1u << (pin - LEDR);
  world.colour = level == LOW ? world.colour | bit : world.colour & ~bit;
}
int digitalRead(int) {
  return HIGH;
}

void FakeUsbSerial::attach(void (*callback)()) {
  on_received_ = callback;
}
void FakeUsbSerial::received() {
  if (on_received_ != nullptr) on_received_();
}
bool FakeUsbSerial::connected() {
  return world.usb_open;
}
int FakeUsbSerial::available() {
  return static_cast<int>(world.usb_in.size());
}
int FakeUsbSerial::read() {
  const uint8_t byte = world.usb_in.front();
  world.usb_in.pop_front();
  world.now += world.usb_pace;
  return byte;
}
void FakeUsbSerial::send_nb(uint8_t* data, uint32_t size, uint32_t* taken, bool) {
  *taken = world.usb_waiting > 0 ? 0 : std::min<uint32_t>(size, static_cast<uint32_t>(world.usb_room));
  world.usb_out.append(reinterpret_cast<char*>(data), *taken);
  world.usb_waiting += *taken;
}

void usb_received() {
  _SerialUSB.received();
}
void usb_was_read() {}
void board_start() {
  app_task.start([] {
    setup();
    for (;;) loop();
  });
}
