// Mbed's USBSerial: 64 bytes at a time, none while the last are under way.
#pragma once
#include <cstdint>

class FakeUsbSerial {
 public:
  void attach(void (*callback)());  // called by the interrupt that brings bytes
  void received();
  bool connected();
  int available();
  int read();
  void send_nb(uint8_t* data, uint32_t size, uint32_t* taken, bool now);

 private:
  void (*on_received_)() = nullptr;
};
extern FakeUsbSerial _SerialUSB;
