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
#include "../common/task.h"
#include "../common/world.h"

extern "C" void wsf_mbed_ble_signal_event();

namespace {

constexpr uint32_t kLatest = 30;  // ms until an acknowledgement comes by itself
Queue<Bytes> arrived;             // what the controller's thread will hand over
unsigned held = 0;                // acknowledgements
uint32_t held_since = 0;
Task thread;

void arrives(const uint8_t* packet, size_t length) {
  arrived.emplace_back(packet, packet + length);
  wsf_mbed_ble_signal_event();
}

void hand_over(uint8_t* packet, size_t length) {
  ble::CordioHCITransportDriver::on_data_received(packet, 1);
  ble::CordioHCITransportDriver::on_data_received(packet + 1, static_cast<uint16_t>(length - 1));
}

void acknowledge() {
  if (!world.acknowledges) return;
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

void radio_receives(const uint8_t* data, size_t length) {
  if (!world.connected || length > kRoomForValue) return;
  uint8_t packet[kValueAt + kRoomForValue];
  put_value(packet, 0x52, data, length);
  ++world.dropped;  // until the library has it
  arrives(packet, kValueAt + length);
}

void connection_changes(bool connected) {
  held = 0;
  uint8_t complete[22] = {kEventPacket, kLeEvent, 19, kConnectionComplete, 0, 1};
  uint8_t lost[] = {kEventPacket, kDisconnectionComplete, 4, 0, 1, 0, 0x08};
  if (connected) {
    arrives(complete, sizeof complete);
  } else {
    arrives(lost, sizeof lost);
  }
}

void ble::CordioHCIDriver::initialize() {}

namespace {

void nobody(uint8_t*, uint8_t) {}

}  // namespace

void (*ble::CordioHCITransportDriver::data_received_handler)(uint8_t*, uint8_t) = nobody;

uint16_t ble::CordioHCITransportDriver::write(uint8_t, uint16_t length, uint8_t* message) {
  if (world.connected) {
    world.ble_out.emplace_back(message + kValueAt - 1, message + length);
    if (held++ == 0) held_since = world.now;
    wsf_mbed_ble_signal_event();
  }
  std::free(message);
  return length;
}

void wsfOsDispatcher() {
  ++world.dispatched;
  while (!arrived.empty()) {
    Bytes packet = arrived.front();
    arrived.pop_front();
    hand_over(packet.data(), packet.size());
    if (packet[0] == kDataPacket) acknowledge();
  }
  if (held > 0 && world.now - held_since >= kLatest) acknowledge();
}

// The one timer is that of the acknowledgements.
wsfTimerTicks_t WsfTimerNextExpiration(bool_t* running) {
  *running = held > 0 && world.acknowledges;
  return held_since + kLatest - world.now;
}

void others_work() {
  if (thread.started()) thread.run();
}
void rtos::Thread::start(void (*function)()) {
  thread.start(function);
}
uint32_t rtos::EventFlags::set(uint32_t flags) {
  thread.wake();
  return flags;
}
uint32_t rtos::EventFlags::wait_any_for(uint32_t flags, std::chrono::milliseconds time) {
  thread.rest(static_cast<uint32_t>(time.count()));
  return flags;
}
void rtos::ThisThread::sleep_for(std::chrono::milliseconds time) {
  running_task()->rest(static_cast<uint32_t>(time.count()));
}
std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds> rtos::Kernel::Clock::now() {
  return std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds>(
      std::chrono::milliseconds(world.now));
}
