#include "../usb.h"

#include <Arduino.h>
#include <USB/PluggableUSBSerial.h>

#include "../chip.h"

namespace usb {

// The core has begun already, before setup(). Its interrupt wakes the app when bytes come in; it tells nobody
// that bytes have left.
void start() {
  _SerialUSB.attach(chip::wake);
}

bool is_open() {
  return _SerialUSB.connected();
}

int read() {
  return _SerialUSB.available() > 0 ? _SerialUSB.read() : -1;
}

// Not `write`: that one waits for as long as DTR is up and nobody reads, and reports bytes that never went
// (ArduinoCore-mbed #129).
size_t write(void*, const uint8_t* data, size_t length) {
  if (!is_open()) return length;
  uint32_t taken = 0;
  _SerialUSB.send_nb(const_cast<uint8_t*>(data), length, &taken, true);
  return taken;
}

}  // namespace usb
