#include "bytefed/sound/half_rate.h"

#include <cstring>

namespace bytefed {
namespace {

constexpr int16_t kTaps[] = {10426, -3395, 1947, -1298, 920, -667, 485, -349, 246, -167, 106, -62};

template <size_t Length>
void push(int16_t (&line)[Length], int16_t sample) {
  std::memmove(line, line + 1, sizeof line - sizeof *line);
  line[Length - 1] = sample;
}

}  // namespace

void HalfRate::clear() {
  *this = HalfRate();
}

int16_t HalfRate::take(int16_t first, int16_t second) {
  static_assert(sizeof kTaps / sizeof *kTaps == kPairs, "a tap for each pair");
  push(middle_, first);
  push(sides_, second);
  int32_t sum = (1 << 14) * middle_[0] + (1 << 14);  // below 2^31 with all taps: they add up to 20,068
  for (size_t k = 0; k < kPairs; ++k) sum += kTaps[k] * (sides_[kPairs - 1 - k] + sides_[kPairs + k]);
  sum >>= 15;
  return static_cast<int16_t>(sum < INT16_MIN ? INT16_MIN : sum > INT16_MAX ? INT16_MAX : sum);
}

}  // namespace bytefed
