// The library's own way to the controller, which the app does without: a ring of 256 bytes for events and
// data, which silently drops the type or the rest of a packet that it has no room for. With it goes an app
// that does not look at the controller's buffers.
#include <driver/CordioHCIDriver.h>
#include <rtos/rtos.h>
#include <utility/HCITransport.h>
#include <wsf_os.h>

#include <cstring>

#include "../../common/world.h"
#include "chip.h"
#include "nano/hci_transport.h"

extern ble::CordioHCIDriver& ble_cordio_get_hci_driver();

namespace ble {

struct CordioHCIHook {
  static CordioHCITransportDriver& transport() { return ble_cordio_get_hci_driver()._transport_driver; }
  static void on_received(void (*handler)(uint8_t*, uint8_t)) {
    CordioHCITransportDriver::set_data_received_handler(handler);
  }
};

}  // namespace ble

namespace {

constexpr size_t kRing = 256;
Queue<uint8_t> ring;

void received(uint8_t* data, uint8_t length) {
  if (ring.size() + length <= kRing) ring.insert(ring.end(), data, data + length);
  chip::wake();
}

struct OwnTransport : HCITransportInterface {
  int begin() override {
    ble::CordioHCIHook::on_received(received);
    static rtos::Thread thread;
    thread.start([] {
      for (;;) {
        wsfOsDispatcher();
        rtos::ThisThread::sleep_for(std::chrono::milliseconds(1));
      }
    });
    return 1;
  }
  void end() override {}
  void wait(unsigned long) override {}
  int available() override { return static_cast<int>(ring.size()); }
  int peek() override { return ring.empty() ? -1 : ring.front(); }
  int read() override {
    const int byte = peek();
    if (byte >= 0) ring.pop_front();
    return byte;
  }
  size_t write(const uint8_t* data, size_t length) override {
    uint8_t* message = static_cast<uint8_t*>(__real_malloc(length));
    std::memcpy(message, data + 1, length - 1);
    ble::CordioHCIHook::transport().write(data[0], static_cast<uint16_t>(length - 1), message);
    return length;
  }
} own;

}  // namespace

HCITransportInterface& HCITransport = own;

uint32_t hci::unacknowledged() {
  return 0;
}
uint32_t hci::buffers() {
  return UINT32_MAX;
}
extern "C" void wsf_mbed_ble_signal_event();
extern "C" void wsf_mbed_ble_signal_event() {}
