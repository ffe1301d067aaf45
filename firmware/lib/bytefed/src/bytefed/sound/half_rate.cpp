#include "bytefed/sound/half_rate.h"

#include <cstring>

namespace bytefed {
namespace {

constexpr int32_t kTaps[] = {10426, -3395, 1947, -1298, 920, -667, 485, -349, 246, -167, 106, -62};
constexpr size_t kTapPairs = sizeof kTaps / sizeof *kTaps;

int16_t filtered(int16_t middle, const int16_t* sides) {
  int32_t sum = (1 << 14) * middle + (1 << 14);  // below 2^31 with all taps: they add up to 20,068
  for (size_t k = 0; k < kTapPairs; ++k) sum += kTaps[k] * (sides[kTapPairs - 1 - k] + sides[kTapPairs + k]);
  sum >>= 15;
  return static_cast<int16_t>(sum < INT16_MIN ? INT16_MIN : sum > INT16_MAX ? INT16_MAX : sum);
}

}  // namespace

void HalfRate::clear() {
  *this = HalfRate();
}

void HalfRate::take(const int16_t* samples, size_t pairs, int16_t* halves) {
  static_assert(kTapPairs == kPairs, "a tap for each pair");
  while (pairs > 0) {
    const size_t some = pairs < kAtOnce ? pairs : kAtOnce;
    take_some(samples, some, halves);
    samples += 2 * some;
    halves += some;
    pairs -= some;
  }
}

void HalfRate::take_some(const int16_t* samples, size_t pairs, int16_t* halves) {
  for (size_t j = 0; j < pairs; ++j) {
    firsts_[kFirsts + j] = samples[2 * j];
    seconds_[kSeconds + j] = samples[2 * j + 1];
    halves[j] = filtered(firsts_[j], seconds_ + j);
  }
  std::memmove(firsts_, firsts_ + pairs, kFirsts * sizeof *firsts_);
  std::memmove(seconds_, seconds_ + pairs, kSeconds * sizeof *seconds_);
}

}  // namespace bytefed
