// Carries HCI packets between ArduinoBLE and Mbed's BLE controller. It defines the library's `HCITransport`,
// in the place of the library's own transport, which tools/pio_sources.py leaves out. DESIGN.md says why.
#include "hci_transport.h"

// Mbed's headers need that one before them.
#include <Arduino.h>
#include <driver/CordioHCIDriver.h>
#include <driver/CordioHCITransportDriver.h>
#include <rtos/rtos.h>
#include <wsf_types.h>
// The others of WSF need that one.
#include <utility/HCITransport.h>
#include <wsf_buf.h>
#include <wsf_msg.h>
#include <wsf_os.h>
#include <wsf_timer.h>

#include <atomic>
#include <cstring>

#include "../chip.h"
#include "hci_inlet.h"

// Mbed's
extern ble::CordioHCIDriver& ble_cordio_get_hci_driver();
extern uint8_t* SystemHeapStart;
extern uint32_t SystemHeapSize;

namespace ble {

// The drivers' friend, meant for whoever passes packets on.
struct CordioHCIHook {
  static CordioHCITransportDriver& transport() { return ble_cordio_get_hci_driver()._transport_driver; }
  static void on_received(void (*handler)(uint8_t*, uint8_t)) {
    CordioHCITransportDriver::set_data_received_handler(handler);
  }
};

}  // namespace ble

namespace {

constexpr uint8_t kData = 2;         // type of a packet
constexpr size_t kMinMessage = 16;   // WSF has no smaller buffers
constexpr uint32_t kWork = 1;        // flag
constexpr uint32_t kLongest = 1000;  // ms of sleep

HciInlet inlet;
rtos::EventFlags events;
std::atomic<bool> signalled{false};

void start_wsf() {
  const ble::buf_pool_desc_t pool = ble_cordio_get_hci_driver().get_buffer_pool_description();
  SystemHeapStart = pool.buffer_memory;
  SystemHeapSize = static_cast<uint32_t>(pool.buffer_size);
  const uint16_t used =
      WsfBufInit(static_cast<uint8_t>(pool.pool_count), const_cast<wsfBufPoolDesc_t*>(pool.pool_description));
  SystemHeapStart += used;
  SystemHeapSize -= used;
  WsfTimerInit();
}

uint32_t milliseconds() {
  return static_cast<uint32_t>(rtos::Kernel::Clock::now().time_since_epoch().count());
}

// What came in may be something for the app, or make room for what it has to send.
void received(uint8_t* data, uint8_t length) {
  inlet.take(data, length);
  chip::wake();
}

// The controller's thread: sleeps until an interrupt, the app or a timer has work for it.
void run_controller() {
  uint32_t last = milliseconds();
  for (;;) {
    signalled = false;
    const uint32_t now = milliseconds();
    if (now != last) WsfTimerUpdate(now - last);
    last = now;
    wsfOsDispatcher();
    bool_t running = 0;
    const uint32_t next = WsfTimerNextExpiration(&running);
    events.wait_any_for(kWork, std::chrono::milliseconds(running && next < kLongest ? next : kLongest));
  }
}

class Transport : public HCITransportInterface {
 public:
  int begin() override {
    if (!begun_) {
      start_wsf();
      ble_cordio_get_hci_driver().initialize();
      ble::CordioHCIHook::on_received(received);
      static unsigned char stack[OS_STACK_SIZE] __attribute__((aligned(8)));
      static rtos::Thread thread(osPriorityAboveNormal, sizeof stack, stack, "controller");
      thread.start(run_controller);
    }
    begun_ = true;
    return 1;
  }
  void end() override {}  // nobody switches the radio off

  void wait(unsigned long timeout) override {
    for (; timeout > 0 && available() == 0; --timeout) {
      rtos::ThisThread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  int available() override { return static_cast<int>(inlet.available()); }
  int peek() override { return inlet.peek(); }
  int read() override { return inlet.read(); }

  // The controller owns the message from then on.
  size_t write(const uint8_t* data, size_t length) override {
    if (!begun_ || length < 2) return 0;
    const size_t size = length - 1;
    void* message = WsfMsgAlloc(static_cast<uint16_t>(size < kMinMessage ? kMinMessage : size));
    if (message == nullptr) return 0;
    std::memcpy(message, data + 1, size);
    if (data[0] == kData) inlet.sent();
    ble::CordioHCIHook::transport().write(data[0], static_cast<uint16_t>(size),
                                          static_cast<uint8_t*>(message));
    return length;
  }

 private:
  bool begun_ = false;
} transport;

}  // namespace

HCITransportInterface& HCITransport = transport;

// Mbed calls it, from interrupts too, when the controller has work. Flags that are set in interrupts take
// room in a queue of the system until it sees to them, so they are set once.
extern "C" void wsf_mbed_ble_signal_event() {
  if (!signalled.exchange(true)) events.set(kWork);
}

uint32_t hci::unacknowledged() {
  return inlet.unacknowledged();
}

uint32_t hci::buffers() {
  return MBED_CONF_CORDIO_LL_TX_BUFFERS;
}
