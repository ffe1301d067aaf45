// The Nano's app with the real ArduinoBLE, as a process: its BLE controller is at the other end of a socket
// (controller.cpp), its flash and its sensors are those of tests/arduino.
#include <Arduino.h>
#include <USB/PluggableUSBSerial.h>
#include <cmsis_os2.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "common/world.h"

using std::chrono::milliseconds;

namespace {

constexpr auto kPatience = milliseconds(3000);  // an app that makes no step for so long is stuck

FakeFicr ficr = {{0x89ABCDEFu, 0x01234567u}};
FakeNoise noise = {};
FakePower power = {POWER_RESETREAS_DOG_Msk};
FakeWatchdog watchdog = {};
std::atomic<unsigned> feeds{0};
FakeUsb usb;
std::mutex app_lock;
std::condition_variable app_woken;
bool woken = false;

void watch() {
  for (unsigned seen = 0;;) {
    std::this_thread::sleep_for(kPatience);
    if (feeds == seen) {
      std::fputs("stuck: the watchdog was not fed\n", stderr);
      _exit(3);
    }
    seen = feeds;
  }
}

}  // namespace

FakeFicr* NRF_FICR = &ficr;
FakeNoise* NRF_RNG = &noise;
FakePower* NRF_POWER = &power;
FakeWatchdog* NRF_WDT = &watchdog;
FakeUsb* NRF_USBD = &usb;
FakeUsbSerial _SerialUSB;
extern "C" uint32_t mbed_heap_size;
uint32_t mbed_heap_size = 100000000;

FakeReload& FakeReload::operator=(uint32_t) {
  ++feeds;
  return *this;
}

unsigned long millis() {
  using Clock = std::chrono::steady_clock;
  static const auto start = Clock::now();
  return static_cast<unsigned long>(std::chrono::duration_cast<milliseconds>(Clock::now() - start).count());
}
void delay(unsigned long ms) {
  std::this_thread::sleep_for(milliseconds(ms));
}
void pinMode(int, int) {}
void digitalWrite(int, int) {}
int digitalRead(int) {
  return HIGH;
}
void* osThreadGetId() {
  static thread_local char thread;
  return &thread;
}
// The app's thread is the only one that waits for flags.
uint32_t osThreadFlagsWait(uint32_t flags, uint32_t, uint32_t ms) {
  std::unique_lock<std::mutex> locked(app_lock);
  app_woken.wait_for(locked, milliseconds(ms), [] { return woken; });
  woken = false;
  return flags;
}
uint32_t osThreadFlagsSet(osThreadId_t, uint32_t flags) {
  const std::lock_guard<std::mutex> locked(app_lock);
  woken = true;
  app_woken.notify_one();
  return flags;
}

// Nobody has the port open.
void FakeUsbSerial::attach(void (*)()) {}
bool FakeUsbSerial::connected() {
  return false;
}
int FakeUsbSerial::available() {
  return 0;
}
int FakeUsbSerial::read() {
  return -1;
}
void FakeUsbSerial::send_nb(uint8_t*, uint32_t, uint32_t* taken, bool) {
  *taken = 0;
}

int main() {
  std::thread(watch)
      .detach();  // before setup(), from which on the app's requests for heap memory are counted
  setup();
  for (;;) loop();
}
