// Mbed's USBSerial: 64 bytes at a time, none while the last are under way.
#pragma once
#include <cstdint>

struct FakeUsbSerial {
  bool connected();
  int available();
  int read();
  void send_nb(uint8_t* data, uint32_t size, uint32_t* taken, bool now);
};
extern FakeUsbSerial _SerialUSB;
