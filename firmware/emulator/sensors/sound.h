// The sound that a microphone hears: a WAV file, played once by the chip's clock from its first cycle on, and
// silence behind it.
//
// It has whole numbers of 16 bits, one channel, at any rate. Between two of its samples the first one stays,
// so at the microphone's own rate each is heard once, whatever the moment at which that begins.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "chip/time.h"

namespace emulator {

class Sound {
 public:
  // Silence.
  Sound() = default;
  // Throws std::runtime_error that says what is wrong with the file.
  static Sound read(const std::string& path);

  int16_t at(Cycles time) const;

 private:
  uint32_t hertz_ = 1;
  std::vector<int16_t> samples_;
};

}  // namespace emulator
