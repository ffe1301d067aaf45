#include "../usb.h"

#include <Adafruit_TinyUSB.h>
#include <Arduino.h>

namespace usb {

void start() {
  Serial.begin(115200);
}

bool is_open() {
  return static_cast<bool>(Serial);
}

int read() {
  return Serial.available() > 0 ? Serial.read() : -1;
}

// The core's write() waits when its buffer is full and nobody reads (Adafruit_nRF52_Arduino #375), so it
// never gets more than there is room for.
size_t write(void*, const uint8_t* data, size_t length) {
  if (!is_open()) return length;
  const int room = Serial.availableForWrite();
  if (room <= 0) return 0;
  const size_t taken =
      Serial.write(data, length < static_cast<size_t>(room) ? length : static_cast<size_t>(room));
  Serial.flush();
  return taken;
}

}  // namespace usb
