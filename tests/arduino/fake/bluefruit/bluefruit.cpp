#include <Adafruit_TinyUSB.h>
#include <Arduino.h>
#include <Wire.h>
#include <bluefruit.h>
#include <nrf_sdm.h>
#include <nrf_soc.h>

#include <algorithm>

#include "../board.h"
#include "../common/task.h"
#include "../common/world.h"

FakeSerial Serial;
FakeBluefruit Bluefruit;
FakeWire Wire1;
const uint32_t g_ADigitalPinMap[16] = {};

namespace {

FakePwm pwm = {};
BLEConnection peer;
void (*task_function)(void*) = nullptr;

BLECharacteristic::write_cb_t on_write = nullptr;
void (*on_connect)(uint16_t) = nullptr;
bool radio_started = false;
void (*on_disconnect)(uint16_t, uint8_t) = nullptr;

}  // namespace

FakePwm* NRF_PWM2 = &pwm;

// The lamp's colour is in the 24 bits that the sequence begins with. A pointer has 32 bits on the chip; of
// this library's, all have the same upper half.
FakeStart& FakeStart::operator=(uint32_t) {
  const uintptr_t upper = reinterpret_cast<uintptr_t>(&pwm) & ~uintptr_t{0xFFFFFFFF};
  const uint16_t* bits = reinterpret_cast<const uint16_t*>(upper | pwm.SEQ[0].PTR);
  const auto is_lit = [&](int from) {
    return std::any_of(bits + from, bits + from + 8, [](uint16_t bit) { return (bit & 0x7FFF) > 10; });
  };
  world.colour = (is_lit(8) ? 1u : 0u) | (is_lit(0) ? 2u : 0u) | (is_lit(16) ? 4u : 0u);
  return *this;
}

void* xTaskCreateStatic(void (*function)(void*), const char*, size_t, void*, int, StackType_t*,
                        StaticTask_t*) {
  task_function = function;
  app_task.start([] { task_function(nullptr); });
  return task_function == nullptr ? nullptr : &peer;
}
void* xTaskGetCurrentTaskHandle() {
  return running_task();
}
uint32_t ulTaskNotifyTake(int, uint32_t ticks) {
  running_task()->rest(ticks);
  return 1;
}
void xTaskNotifyGive(void* task) {
  static_cast<Task*>(task)->wake();
}
void suspendLoop() {}
void board_start() {
  setup();
  loop();
}
void delay(unsigned long ms) {
  world.now += static_cast<uint32_t>(ms);
  if (running_task() != nullptr) rest_task();
}
#ifdef PIN_DOTSTAR_DATA
// A DotStar takes a bit at each rising edge of its clock; its 32 bits, which three ones begin, come after as
// many zeros.
void digitalWrite(int pin, int level) {
  static uint64_t bits = 0;
  static int data = LOW, clock = LOW;
  if (pin == PIN_DOTSTAR_DATA) data = level;
  if (pin != PIN_DOTSTAR_CLOCK || level == clock) return;
  clock = level;
  if (level == LOW) return;
  bits = bits << 1 | (data == HIGH ? 1u : 0u);
  if (bits >> 29 != 7) return;
  const auto is_lit = [](unsigned from) { return (bits >> from & 0xFF) != 0; };
  world.colour = (is_lit(0) ? 1u : 0u) | (is_lit(8) ? 2u : 0u) | (is_lit(16) ? 4u : 0u);
  bits = 0;
}
#else
void digitalWrite(int, int) {}
#endif
int digitalRead(int) {
#ifdef ARDUINO_NRF52840_CIRCUITPLAY
  return world.button ? HIGH : LOW;
#else
  return world.button ? LOW : HIGH;
#endif
}
uint32_t readResetReason() {
  return NRF_POWER->RESETREAS;
}
int dbgHeapTotal() {
  return 100000000;
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
  world.now += world.usb_pace;
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
  return world.connected && (is_for_phones_ ? world.phone_subscribed : world.subscribed);
}
uint16_t BLECharacteristic::write(const void* data, uint16_t length) {
  if (!is_for_phones_) std::abort();
  world.phone.assign(static_cast<const char*>(data), length);
  return length;
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
  radio_started = !world.radio_fails;
  return radio_started;
}
BLEConnection* FakeBluefruit::Connection(uint16_t handle) {
  return handle == BLE_CONN_HANDLE_INVALID ? nullptr : &peer;
}

bool FakeBluefruit::disconnect(uint16_t) {
  world.connected = false;
  connection_changes(false);
  return true;
}

uint32_t sd_flash_write(uint32_t* to, const uint32_t* from, uint32_t words) {
  static unsigned calls = 0;
  if (++calls % 7 == 0) return NRF_ERROR_BUSY;
  return flash_program(static_cast<uint32_t>(reinterpret_cast<uintptr_t>(to)), from, words * 4)
             ? NRF_SUCCESS
             : NRF_ERROR_INTERNAL;
}
uint32_t sd_softdevice_is_enabled(uint8_t* enabled) {
  *enabled = radio_started ? 1 : 0;
  return NRF_SUCCESS;
}
uint32_t sd_rand_application_vector_get(uint8_t* bytes, uint8_t length) {
  if (length > 64 || NRF_RNG->EVENTS_VALRDY == 0) return NRF_ERROR_SOC_RAND_NOT_ENOUGH_VALUES;
  for (uint8_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(NRF_RNG->VALUE);
  return NRF_SUCCESS;
}
uint32_t sd_flash_page_erase(uint32_t page) {
  return flash_erase(page * 4096, 4096) ? NRF_SUCCESS : NRF_ERROR_INTERNAL;
}

void usb_received() {
  tud_cdc_rx_cb(0);
}
void usb_was_read() {
  tud_cdc_tx_complete_cb(0);
}
void others_work() {}

void radio_receives(const uint8_t* data, size_t length) {
  on_write(0, nullptr, const_cast<uint8_t*>(data), static_cast<uint16_t>(length));
}
void connection_changes(bool connected) {
  if (connected && on_connect != nullptr) on_connect(0);
  if (!connected && on_disconnect != nullptr) on_disconnect(0, 0x13);
}
