// Mbed's driver between a BLE stack and the controller: as much of it as ArduinoBLE and the app use.
#pragma once
#include <cstdint>

namespace ble {

class CordioHCITransportDriver {
  friend struct CordioHCIHook;

 public:
  // Takes a packet for the controller, which owns the message from then on.
  uint16_t write(uint8_t type, uint16_t length, uint8_t* message);
  // Hands bytes of the controller's to whoever is set; it tells 255 bytes at most in a call.
  static void on_data_received(uint8_t* data, uint16_t length);

 private:
  static void (*data_received_handler)(uint8_t* data, uint8_t length);
  static void set_data_received_handler(void (*handler)(uint8_t*, uint8_t)) {
    data_received_handler = handler;
  }
};

}  // namespace ble
