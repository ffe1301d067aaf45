// What TinyUSB calls, from its own task, when bytes have come in, or have left and made room. Its header
// would make these functions weak, so this file does not include it.
#include <cstdint>

#include "../chip.h"

extern "C" {

void tud_cdc_rx_cb(uint8_t) {
  chip::wake();
}

void tud_cdc_tx_complete_cb(uint8_t) {
  chip::wake();
}
}
