// Random bits that nobody can guess: ChaCha20 under a key from the board's source of randomness (SPEC 7.5).
#pragma once
#include "bytefed/seal/primitives.h"

namespace bytefed {

class RandomStream {
 public:
  RandomStream() = default;
  RandomStream(const RandomStream&) = delete;
  RandomStream& operator=(const RandomStream&) = delete;
  ~RandomStream() { forget(); }

  // Begins the stream of a key, which serves once.
  void start(const uint8_t key[kKeySize]) {
    std::memcpy(key_, key, kKeySize);
    block_ = 0;
    used_ = kChaChaBlock;
  }
  // Forgets key and bits: who had them could take the noise off again.
  void forget() {
    wipe(key_, sizeof key_);
    wipe(bits_, sizeof bits_);
  }

  uint32_t word() {
    if (used_ == kChaChaBlock) {
      std::memset(bits_, 0, sizeof bits_);
      chacha20_xor(key_, 0, block_++, bits_, sizeof bits_);
      used_ = 0;
    }
    const uint8_t* const at = bits_ + used_;
    used_ += 4;
    return static_cast<uint32_t>(at[0]) | static_cast<uint32_t>(at[1]) << 8 |
           static_cast<uint32_t>(at[2]) << 16 | static_cast<uint32_t>(at[3]) << 24;
  }

 private:
  uint8_t key_[kKeySize] = {};
  uint8_t bits_[kChaChaBlock] = {};
  uint64_t block_ = 0;
  size_t used_ = kChaChaBlock;
};

}  // namespace bytefed
