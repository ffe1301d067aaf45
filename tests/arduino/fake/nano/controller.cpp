// Like Mbed's (Cordio's), it hands over a packet's type and then the rest, what came in before what was
// acknowledged, and nothing more of a link that is lost.
#include "controller.h"

#include <driver/CordioHCIDriver.h>
#include <rtos/rtos.h>
#include <wsf_msg.h>
#include <wsf_os.h>
#include <wsf_timer.h>

#include <cstring>

#include "../board.h"
#include "../common/arduino.h"
#include "../common/world.h"

uint8_t* SystemHeapStart = nullptr;
uint32_t SystemHeapSize = 0;

namespace {

constexpr uint32_t kLatest = 30;  // ms until an acknowledgement comes by itself
unsigned held = 0;                // acknowledgements
uint32_t held_since = 0;

void hand_over(uint8_t* packet, size_t length) {
  ble::CordioHCITransportDriver::on_data_received(packet, 1);
  ble::CordioHCITransportDriver::on_data_received(packet + 1, static_cast<uint16_t>(length - 1));
}

void acknowledge() {
  uint8_t event[] = {kEventPacket, kNumberOfCompletedPackets, 5, 1, 1, 0, 1, 0};
  for (; held > 0; --held) hand_over(event, sizeof event);
}

}  // namespace

void put_value(uint8_t* packet, uint8_t operation, const uint8_t* value, size_t length) {
  const uint16_t att = static_cast<uint16_t>(length + 3), l2cap = static_cast<uint16_t>(att + 4);
  const uint8_t header[kValueAt] = {kDataPacket,
                                    1,
                                    0x20,  // the first piece, and the only one
                                    static_cast<uint8_t>(l2cap),
                                    static_cast<uint8_t>(l2cap >> 8),
                                    static_cast<uint8_t>(att),
                                    static_cast<uint8_t>(att >> 8),
                                    4,
                                    0,
                                    operation,
                                    11,
                                    0};
  std::memcpy(packet, header, sizeof header);
  std::memcpy(packet + kValueAt, value, length);
}

void controller_rests() {
  if (held > 0 && world.now - held_since >= kLatest) acknowledge();
}

void radio_receives(const uint8_t* data, size_t length) {
  if (!world.connected || length > kRoomForValue) return;
  uint8_t packet[kValueAt + kRoomForValue];
  put_value(packet, 0x52, data, length);
  ++world.dropped;  // until the library has it
  hand_over(packet, kValueAt + length);
  acknowledge();
}

void connection_changes(bool connected) {
  held = 0;
  uint8_t complete[22] = {kEventPacket, kLeEvent, 19, kConnectionComplete, 0, 1};
  uint8_t lost[] = {kEventPacket, kDisconnectionComplete, 4, 0, 1, 0, 0x08};
  if (connected) {
    hand_over(complete, sizeof complete);
  } else {
    hand_over(lost, sizeof lost);
  }
}

ble::CordioHCIDriver& ble_cordio_get_hci_driver();
ble::CordioHCIDriver& ble_cordio_get_hci_driver() {
  static ble::CordioHCIDriver driver;
  return driver;
}
ble::buf_pool_desc_t ble::CordioHCIDriver::get_buffer_pool_description() {
  static uint8_t buffer[16];
  return {buffer, sizeof buffer, nullptr, 0};
}
void ble::CordioHCIDriver::initialize() {}

namespace {

void nobody(uint8_t*, uint8_t) {}

}  // namespace

void (*ble::CordioHCITransportDriver::data_received_handler)(uint8_t*, uint8_t) = nobody;

void ble::CordioHCITransportDriver::on_data_received(uint8_t* data, uint16_t length) {
  for (; length > 255; data += 255, length = static_cast<uint16_t>(length - 255))
    data_received_handler(data, 255);
  data_received_handler(data, static_cast<uint8_t>(length));
}

uint16_t ble::CordioHCITransportDriver::write(uint8_t, uint16_t length, uint8_t* message) {
  if (world.connected) {
    world.ble_out.emplace_back(message + kValueAt - 1, message + length);
    if (held++ == 0) held_since = world.now;
  }
  std::free(message);
  return length;
}

void* WsfMsgAlloc(uint16_t length) {
  return __real_malloc(length);
}

// Nothing here takes time of its own: what the controller has is handed over at once.
uint16_t WsfBufInit(uint8_t, wsfBufPoolDesc_t*) {
  return 0;
}
void wsfOsDispatcher() {}
bool_t wsfOsReadyToSleep() {
  return 1;
}
void WsfTimerInit() {}
void WsfTimerUpdate(wsfTimerTicks_t) {}
wsfTimerTicks_t WsfTimerNextExpiration(bool_t* running) {
  return *running = 0;
}
void rtos::Thread::start(void (*)()) {}
uint32_t rtos::EventFlags::set(uint32_t flags) {
  return flags;
}
uint32_t rtos::EventFlags::wait_any_for(uint32_t, std::chrono::milliseconds) {
  return 0;
}
std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds> rtos::Kernel::Clock::now() {
  return std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds>(
      std::chrono::milliseconds(world.now));
}
void rtos::ThisThread::sleep_for(std::chrono::milliseconds time) {
  delay(static_cast<unsigned long>(time.count()));
}
