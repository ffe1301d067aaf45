// Random bytes that nobody can guess, for handshakes: the chip's noise, tested and condensed.
#pragma once
#include <cstddef>
#include <cstdint>

// The health tests of NIST SP 800-90B, 4.4.1 and 4.4.2, for a source of at least 4 bits of entropy a byte;
// each fails a good source once in 2^30 tests.
class NoiseTests {
 public:
  // Takes the next byte of the source. False: it is no longer noise.
  bool take(uint8_t byte);

 private:
  static constexpr uint16_t kRepetitions = 9, kWindow = 512, kProportion = 71;

  uint8_t last_ = 0, first_ = 0;  // byte, and that at the window's start
  uint16_t run_ = 0;              // bytes that were like the last one
  uint16_t at_ = 0, count_ = 0;   // in the window; bytes there that were like its first
};

class Entropy {
 public:
  // Tests the source's first bytes, before the radio starts.
  Entropy();
  Entropy(const Entropy&) = delete;
  Entropy& operator=(const Entropy&) = delete;

  bool works() const { return works_; }  // once it doesn't, only a reset lets it try again
  // Draws up to kMost bytes. False: the source fails, or has not enough now.
  bool draw(uint8_t* bytes, size_t length);

 private:
  static constexpr size_t kMost = 32;
  static constexpr size_t kRaw = 48;  // noise for a draw: 192 bits at the least, in the SoftDevice's 64 bytes
  static constexpr size_t kFirst = 1024;  // bytes to test at the start

  bool read(uint8_t* raw, size_t length);

  NoiseTests tests_;
  uint8_t state_[kMost] = {};
  bool works_ = true;
};
