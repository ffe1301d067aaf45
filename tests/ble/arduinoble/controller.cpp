// Mbed's BLE controller as the libraries see it. The controller itself is at the other end of a socket (its
// descriptor is HCI), which carries H4 packets; here is what a board's has beside: a thread that hands
// packets over, their type first and then the rest, and acknowledgements that come late. Mbed's (Cordio's)
// looks at what came in before it looks at what went out, so the acknowledgement of a board's packet follows
// the packet that came in the same connection event. Those that were not given out when the link is lost
// never come.
#include <driver/CordioHCIDriver.h>
#include <rtos/rtos.h>
#include <unistd.h>
#include <wsf_msg.h>
#include <wsf_os.h>
#include <wsf_timer.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "common/heap.h"
#include "mbed.h"

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

extern "C" void wsf_mbed_ble_signal_event();

namespace {

// Containers of the surroundings, whose memory does not count as the app's heap.
using Packet = std::vector<uint8_t, OutsideTheBoard<uint8_t>>;
template <typename T>
using Queue = std::deque<T, OutsideTheBoard<T>>;

constexpr uint8_t kData = 2, kEvent = 4, kDisconnected = 0x05, kAcknowledgement = 0x13;
constexpr auto kLatest = milliseconds(30);  // an acknowledgement comes by itself after so long

std::mutex lock;
Queue<Packet> arrived;
int wire = -1;

Queue<Packet> held;  // acknowledgements; the controller's thread alone uses them
Clock::time_point held_since;

void hand_over(Packet& packet) {
  ble::CordioHCITransportDriver::on_data_received(packet.data(), 1);
  ble::CordioHCITransportDriver::on_data_received(packet.data() + 1,
                                                  static_cast<uint16_t>(packet.size() - 1));
}

void acknowledge() {
  for (Packet& packet : held) hand_over(packet);
  held.clear();
}

void deliver(Packet& packet) {
  const bool event = packet[0] == kEvent;
  if (event && packet[1] == kAcknowledgement) {
    if (held.empty()) held_since = Clock::now();
    held.push_back(packet);
    return;
  }
  if (event && packet[1] == kDisconnected) held.clear();
  hand_over(packet);
  if (packet[0] == kData) acknowledge();
}

bool receive(uint8_t* to, size_t length) {
  for (size_t got = 0; got < length;) {
    const ssize_t more = ::read(wire, to + got, length - got);
    if (more <= 0) return false;
    got += static_cast<size_t>(more);
  }
  return true;
}

// The process ends with its controller.
void serve() {
  for (;;) {
    uint8_t header[5];
    if (!receive(header, 3)) _exit(0);
    size_t rest = header[2];
    size_t length = 3;
    if (header[0] == kData) {
      if (!receive(header + 3, 2)) _exit(0);
      length = 5;
      rest = static_cast<size_t>(header[3] | header[4] << 8);
    }
    Packet packet(header, header + length);
    packet.resize(length + rest);
    if (!receive(packet.data() + length, rest)) _exit(0);
    {
      const std::lock_guard<std::mutex> locked(lock);
      arrived.push_back(packet);
    }
    wsf_mbed_ble_signal_event();
  }
}

}  // namespace

void ble::CordioHCIDriver::initialize() {
  wire = std::atoi(std::getenv("HCI"));
  std::thread(serve).detach();
}

void (*ble::CordioHCITransportDriver::data_received_handler)(uint8_t*, uint8_t) = nullptr;

uint16_t ble::CordioHCITransportDriver::write(uint8_t type, uint16_t length, uint8_t* message) {
  Packet packet(1, type);
  packet.insert(packet.end(), message, message + length);
  std::free(message);
  const ssize_t sent = ::write(wire, packet.data(), packet.size());
  return static_cast<uint16_t>(sent > 0 ? sent - 1 : 0);
}

void wsfOsDispatcher() {
  Queue<Packet> due;
  {
    const std::lock_guard<std::mutex> locked(lock);
    due.swap(arrived);
  }
  for (Packet& packet : due) deliver(packet);
  if (!held.empty() && Clock::now() - held_since >= kLatest) acknowledge();
}
bool_t wsfOsReadyToSleep() {
  const std::lock_guard<std::mutex> locked(lock);
  return arrived.empty();
}

// The one timer is that of the acknowledgements.
wsfTimerTicks_t WsfTimerNextExpiration(bool_t* running) {
  *running = !held.empty();
  return 5;
}

void rtos::Thread::start(void (*function)()) {
  std::thread(function).detach();
}

namespace {

std::mutex flags_lock;
std::condition_variable flags_set;
uint32_t flags_now = 0;  // of all objects: each is waited for by one thread, for anything

}  // namespace

uint32_t rtos::EventFlags::set(uint32_t flags) {
  const std::lock_guard<std::mutex> locked(flags_lock);
  flags_now |= flags;
  flags_set.notify_all();
  return flags_now;
}
uint32_t rtos::EventFlags::wait_any_for(uint32_t flags, milliseconds time) {
  std::unique_lock<std::mutex> locked(flags_lock);
  flags_set.wait_for(locked, time, [flags] { return (flags_now & flags) != 0; });
  const uint32_t seen = flags_now & flags;
  flags_now &= ~flags;
  return seen;
}
std::chrono::time_point<Clock, milliseconds> rtos::Kernel::Clock::now() {
  return std::chrono::time_point_cast<milliseconds>(std::chrono::steady_clock::now());
}
void rtos::ThisThread::sleep_for(milliseconds time) {
  std::this_thread::sleep_for(time);
}

namespace {

std::recursive_mutex critical;

}  // namespace

void wait_us(uint64_t microseconds) {
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
}
void mbed::CriticalSectionLock::enable() {
  critical.lock();
}
void mbed::CriticalSectionLock::disable() {
  critical.unlock();
}
