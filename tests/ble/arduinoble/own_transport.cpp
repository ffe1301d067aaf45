// The stand-in for our transport on the board with the library's own one, which knows nothing of the
// controller's buffers.
#include <cstdint>

#include "nano/hci_transport.h"

uint32_t hci::unacknowledged() {
  return 0;
}
uint32_t hci::buffers() {
  return UINT32_MAX;
}

// Mbed's own stack would listen; it is not there.
extern "C" void hciTrSerialRxIncoming(uint8_t*, uint8_t);
extern "C" void hciTrSerialRxIncoming(uint8_t*, uint8_t) {}
