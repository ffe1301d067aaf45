#include <Adafruit_TinyUSB.h>
#include <Arduino.h>
#include <bluefruit.h>
#include <nrf_soc.h>
#include <ucontext.h>

#include <algorithm>

#include "../board.h"
#include "../common/world.h"

FakeSerial Serial;
FakeBluefruit Bluefruit;
const uint32_t g_ADigitalPinMap[16] = {};

namespace {

FakePwm pwm = {};
BLEConnection peer;
ucontext_t test, task;
void (*task_function)(void*) = nullptr;
bool in_task = false;

BLECharacteristic::write_cb_t on_write = nullptr;
void (*on_connect)(uint16_t) = nullptr;
void (*on_disconnect)(uint16_t, uint8_t) = nullptr;

}  // namespace

FakePwm* NRF_PWM2 = &pwm;

FakeStart& FakeStart::operator=(uint32_t) {
  return *this;
}

void run_task() {
  task_function(nullptr);
}
void* xTaskCreateStatic(void (*function)(void*), const char*, size_t, void*, int, StackType_t*,
                        StaticTask_t*) {
  static char stack[1 << 20];  // a laptop's frames are larger
  task_function = function;
  getcontext(&task);
  task.uc_stack.ss_sp = stack;
  task.uc_stack.ss_size = sizeof stack;
  makecontext(&task, run_task, 0);
  return &task;
}
void suspendLoop() {}
void delay(unsigned long ms) {
  world.now += static_cast<uint32_t>(ms);
  if (!in_task) return;
  in_task = false;
  swapcontext(&task, &test);
}
void board_run() {
  loop();
  in_task = true;
  swapcontext(&test, &task);
}
void digitalWrite(int, int) {}
int digitalRead(int) {
  return world.button ? LOW : HIGH;
}
uint32_t readResetReason() {
  return NRF_POWER->RESETREAS;
}
int dbgHeapFree() {
  return 100000;
}

FakeSerial::operator bool() const {
  return world.usb_open;
}
int FakeSerial::available() {
  return static_cast<int>(world.usb_in.size());
}
int FakeSerial::read() {
  const uint8_t byte = world.usb_in.front();
  world.usb_in.pop_front();
  return byte;
}
int FakeSerial::availableForWrite() {
  return static_cast<int>(world.usb_room - std::min(world.usb_room, world.usb_waiting));
}
// More than there is room for would wait for ever, here as there.
size_t FakeSerial::write(const uint8_t* data, size_t length) {
  if (length > static_cast<size_t>(availableForWrite())) std::abort();
  world.usb_out.append(reinterpret_cast<const char*>(data), length);
  world.usb_waiting += length;
  return length;
}

void BLECharacteristic::setWriteCallback(write_cb_t callback, bool later) {
  if (later) std::abort();  // takes memory from the heap for each write
  on_write = callback;
}
bool BLECharacteristic::notifyEnabled(uint16_t) {
  return world.connected && world.subscribed;
}
bool BLECharacteristic::notify(uint16_t, const void* data, uint16_t length) {
  if (!world.connected || length + 3 > world.mtu) std::abort();  // would go out in pieces
  if (world.refuse_notify > 0) {
    --world.refuse_notify;
    return false;
  }
  if (world.ble_out.size() >= world.ble_queue) {
    delay(1);  // the library waits a while for room
    return false;
  }
  const uint8_t* bytes = static_cast<const uint8_t*>(data);
  world.ble_out.emplace_back(bytes, bytes + length);
  return true;
}
uint16_t BLEConnection::getMtu() {
  return world.mtu;
}
bool FakeAdvertising::start(int) {
  return world.advertising = true;
}
void FakePeriph::setConnectCallback(void (*callback)(uint16_t)) {
  on_connect = callback;
}
void FakePeriph::setDisconnectCallback(void (*callback)(uint16_t, uint8_t)) {
  on_disconnect = callback;
}
bool FakeBluefruit::begin() {
  return !world.radio_fails;
}
BLEConnection* FakeBluefruit::Connection(uint16_t handle) {
  return handle == BLE_CONN_HANDLE_INVALID ? nullptr : &peer;
}

uint32_t sd_flash_write(uint32_t* to, const uint32_t* from, uint32_t words) {
  static unsigned calls = 0;
  if (++calls % 7 == 0) return NRF_ERROR_BUSY;
  return flash_program(static_cast<uint32_t>(reinterpret_cast<uintptr_t>(to)), from, words * 4)
             ? NRF_SUCCESS
             : NRF_ERROR_INTERNAL;
}
uint32_t sd_flash_page_erase(uint32_t page) {
  return flash_erase(page * 4096, 4096) ? NRF_SUCCESS : NRF_ERROR_INTERNAL;
}

void radio_receives(const uint8_t* data, size_t length) {
  on_write(0, nullptr, const_cast<uint8_t*>(data), static_cast<uint16_t>(length));
}
void connection_changes(bool connected) {
  if (connected && on_connect != nullptr) on_connect(0);
  if (!connected && on_disconnect != nullptr) on_disconnect(0, 0x13);
}
