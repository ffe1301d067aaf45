// The part of Mbed's BLE controller (Cordio) that is the same whatever stands for the controller itself.
#include <driver/CordioHCIDriver.h>
#include <wsf_msg.h>
#include <wsf_os.h>
#include <wsf_timer.h>

#include "common/heap.h"

uint8_t* SystemHeapStart = nullptr;
uint32_t SystemHeapSize = 0;

ble::CordioHCIDriver& ble_cordio_get_hci_driver();
ble::CordioHCIDriver& ble_cordio_get_hci_driver() {
  static ble::CordioHCIDriver driver;
  return driver;
}
ble::buf_pool_desc_t ble::CordioHCIDriver::get_buffer_pool_description() {
  static uint8_t buffer[16];
  return {buffer, sizeof buffer, nullptr, 0};
}

void ble::CordioHCITransportDriver::on_data_received(uint8_t* data, uint16_t length) {
  for (; length > 255; data += 255, length = static_cast<uint16_t>(length - 255))
    data_received_handler(data, 255);
  data_received_handler(data, static_cast<uint8_t>(length));
}

uint16_t WsfBufInit(uint8_t, wsfBufPoolDesc_t*) {
  return 0;
}
void* WsfMsgAlloc(uint16_t length) {
  return __real_malloc(length);
}

void WsfTimerInit() {}
void WsfTimerUpdate(wsfTimerTicks_t) {}
