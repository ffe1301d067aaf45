// Sound at half its rate: a half-band filter in integers, so every device has the same bits (SPEC 7.7).
#pragma once
#include <cstddef>
#include <cstdint>

namespace bytefed {

// Takes two samples, gives one.
class HalfRate {
 public:
  // Forgets the samples so far.
  void clear();
  int16_t take(int16_t first, int16_t second);

 private:
  static constexpr size_t kPairs = 12;  // of taps beside the middle one

  int16_t middle_[kPairs] = {};     // first samples, the oldest in front: only one of them has a tap
  int16_t sides_[2 * kPairs] = {};  // second samples
};

}  // namespace bytefed
