#pragma once
#include <wsf_buf.h>

#include <cstddef>

#include "CordioHCITransportDriver.h"

#define MBED_CONF_CORDIO_LL_TX_BUFFERS 4  // as the core's mbed_config.h says

namespace ble {

struct buf_pool_desc_t {
  uint8_t* buffer_memory;
  size_t buffer_size;
  const wsfBufPoolDesc_t* pool_description;
  size_t pool_count;
};

class CordioHCIDriver {
  friend struct CordioHCIHook;

 public:
  buf_pool_desc_t get_buffer_pool_description();
  void initialize();
  void terminate() {}

 private:
  CordioHCITransportDriver _transport_driver;
};

}  // namespace ble
