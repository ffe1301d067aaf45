// AES-128, encryption of one block (FIPS 197).
#pragma once
#include <cstdint>

namespace emulator {

void aes_encrypt(const uint8_t key[16], const uint8_t in[16], uint8_t out[16]);

}  // namespace emulator
