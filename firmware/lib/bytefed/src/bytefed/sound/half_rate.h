// Sound at half its rate: a half-band filter in integers, so every device has the same bits (SPEC 7.7).
#pragma once
#include <cstddef>
#include <cstdint>

namespace bytefed {

class HalfRate {
 public:
  // Forgets the samples so far.
  void clear();
  // Takes 2 * pairs samples and writes `pairs` halves.
  void take(const int16_t* samples, size_t pairs, int16_t* halves);

 private:
  static constexpr size_t kPairs = 12;   // of taps beside the middle one
  static constexpr size_t kAtOnce = 16;  // halves, before the lines are moved on
  static constexpr size_t kFirsts = kPairs - 1, kSeconds = 2 * kPairs - 1;  // samples that are kept

  void take_some(const int16_t* samples, size_t pairs, int16_t* halves);

  // The first samples of all pairs, of which only one has a tap, and the second ones; the oldest in front.
  int16_t firsts_[kFirsts + kAtOnce] = {}, seconds_[kSeconds + kAtOnce] = {};
};

}  // namespace bytefed
