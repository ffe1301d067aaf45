#pragma once
#include <cstddef>
#include <cstdint>

struct FakeSerial {
  void begin(unsigned long) {}
  explicit operator bool() const;
  int available();
  int read();
  int availableForWrite();
  size_t write(const uint8_t* data, size_t length);
  void flush() {}
};
extern FakeSerial Serial;

// The app's: called from the USB task.
extern "C" void tud_cdc_rx_cb(uint8_t port);
extern "C" void tud_cdc_tx_complete_cb(uint8_t port);
