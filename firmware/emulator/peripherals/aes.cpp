#include "peripherals/aes.h"

#include <array>
#include <cstring>

namespace emulator {
namespace {

uint8_t doubled(uint8_t x) {
  return static_cast<uint8_t>(x << 1 ^ (x & 0x80 ? 0x1B : 0));
}
uint8_t rotated(uint8_t x, int by) {
  return static_cast<uint8_t>(x << by | x >> (8 - by));
}

// The S-box: inverses in GF(2^8), walked through as powers of 3 and of 1/3, then the affine map.
std::array<uint8_t, 256> make_box() {
  std::array<uint8_t, 256> box{};
  uint8_t p = 1;
  uint8_t q = 1;
  do {
    p = static_cast<uint8_t>(p ^ doubled(p));
    q = static_cast<uint8_t>(q ^ q << 1);
    q = static_cast<uint8_t>(q ^ q << 2);
    q = static_cast<uint8_t>(q ^ q << 4);
    if (q & 0x80) q ^= 9;
    box[p] = static_cast<uint8_t>(q ^ rotated(q, 1) ^ rotated(q, 2) ^ rotated(q, 3) ^ rotated(q, 4) ^ 0x63);
  } while (p != 1);
  box[0] = 0x63;
  return box;
}

uint8_t substitute(uint8_t x) {
  static const std::array<uint8_t, 256> box = make_box();
  return box[x];
}

void expand(const uint8_t key[16], uint8_t keys[176]) {
  memcpy(keys, key, 16);
  uint8_t round = 1;
  for (int i = 16; i < 176; i += 4) {
    uint8_t word[4];
    memcpy(word, keys + i - 4, 4);
    if (i % 16 == 0) {
      const uint8_t first = word[0];
      word[0] = static_cast<uint8_t>(substitute(word[1]) ^ round);
      word[1] = substitute(word[2]);
      word[2] = substitute(word[3]);
      word[3] = substitute(first);
      round = doubled(round);
    }
    for (int j = 0; j < 4; ++j) keys[i + j] = static_cast<uint8_t>(keys[i - 16 + j] ^ word[j]);
  }
}

void mix(uint8_t* column) {
  const uint8_t all = static_cast<uint8_t>(column[0] ^ column[1] ^ column[2] ^ column[3]);
  const uint8_t first = column[0];
  for (int i = 0; i < 4; ++i) {
    const uint8_t next = i < 3 ? column[i + 1] : first;
    column[i] = static_cast<uint8_t>(column[i] ^ all ^ doubled(static_cast<uint8_t>(column[i] ^ next)));
  }
}

}  // namespace

void aes_encrypt(const uint8_t key[16], const uint8_t in[16], uint8_t out[16]) {
  uint8_t keys[176];
  expand(key, keys);
  uint8_t state[16];
  for (int i = 0; i < 16; ++i) state[i] = static_cast<uint8_t>(in[i] ^ keys[i]);
  for (int round = 1; round <= 10; ++round) {
    uint8_t shifted[16];
    for (int column = 0; column < 4; ++column) {
      for (int row = 0; row < 4; ++row) {
        shifted[column * 4 + row] = substitute(state[((column + row) & 3) * 4 + row]);
      }
      if (round < 10) mix(shifted + 4 * column);
    }
    for (int i = 0; i < 16; ++i) state[i] = static_cast<uint8_t>(shifted[i] ^ keys[round * 16 + i]);
  }
  memcpy(out, state, 16);
}

}  // namespace emulator
