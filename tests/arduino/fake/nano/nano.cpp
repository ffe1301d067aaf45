#include <Arduino.h>
#include <ArduinoBLE.h>
#include <USB/PluggableUSBSerial.h>
#include <cmsis_os2.h>
#include <wsf.h>

#include <algorithm>

#include "../board.h"
#include "../common/task.h"

FakeUsbSerial _SerialUSB;
FakeBle BLE;
extern "C" uint32_t mbed_heap_size;
uint32_t mbed_heap_size = 100000000;

namespace {

constexpr size_t kHciRing = 256, kHciHeader = 12;  // bytes
BLECharacteristic* written_to = nullptr;           // the service's RX
Task radio_task;
FakeUsb usb;

// ArduinoBLE's loop of the radio's thread.
void work_the_radio() {
  for (;;) {
    const uint32_t began = world.now;
    wsfOsDispatcher();
    if (world.now != began) continue;
    ++world.spun;  // waits for the rest of the millisecond
    radio_task.rest(1);
  }
}

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
uint32_t osKernelGetTickCount() {
  return world.now;
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
  return byte;
}
void FakeUsbSerial::send_nb(uint8_t* data, uint32_t size, uint32_t* taken, bool) {
  *taken = world.usb_waiting > 0 ? 0 : std::min<uint32_t>(size, static_cast<uint32_t>(world.usb_room));
  world.usb_out.append(reinterpret_cast<char*>(data), *taken);
  world.usb_waiting += *taken;
}

void BLEService::addCharacteristic(BLECharacteristic& characteristic) {
  if (written_to == nullptr) written_to = &characteristic;
}
int BLECharacteristic::writeValue(const uint8_t* value, int length) {
  if (world.ble_out.size() >= world.ble_queue) BLE.poll();  // sendAclPkt waits and polls
  const int sent = std::min(std::min(length, size_), world.mtu - 3);
  world.ble_out.emplace_back(value, value + sent);
  return sent;
}
void BLECharacteristic::arrived(const Bytes& value) {
  length_ = std::min(static_cast<int>(value.size()), size_);
  std::copy_n(value.begin(), length_, value_);
  if (handler_ != nullptr) handler_({}, *this);
}
void FakeBle::poll() {
  while (!world.ble_in.empty()) {
    const Bytes value = world.ble_in.front();
    world.ble_in.pop_front();
    world.ble_in_bytes -= value.size() + kHciHeader;
    written_to->arrived(value);
  }
}

void radio_receives(const uint8_t* data, size_t length) {
  if (world.ble_in_bytes + length + kHciHeader > kHciRing) {
    ++world.dropped;
    return;
  }
  world.ble_in_bytes += length + kHciHeader;
  world.ble_in.emplace_back(data, data + length);
  wsf_mbed_ble_signal_event();
}
void usb_received() {
  _SerialUSB.received();
}
void usb_was_read() {}
void others_work() {
  radio_task.run();
}
void connection_changes(bool) {}
void board_start() {
  radio_task.start(work_the_radio);
  app_task.start([] {
    setup();
    for (;;) loop();
  });
}
