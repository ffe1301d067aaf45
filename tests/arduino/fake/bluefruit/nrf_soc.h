#pragma once
#include <cstdint>

enum : uint32_t {
  NRF_SUCCESS = 0,
  NRF_ERROR_INTERNAL = 3,
  NRF_ERROR_BUSY = 17,
  NRF_ERROR_SOC_RAND_NOT_ENOUGH_VALUES = 0x2007,
};

// Accepted at once, carried out a moment later; busy now and then.
uint32_t sd_flash_write(uint32_t* to, const uint32_t* from, uint32_t words);
uint32_t sd_flash_page_erase(uint32_t page);
// Up to 64 bytes of its pool.
uint32_t sd_rand_application_vector_get(uint8_t* bytes, uint8_t length);
