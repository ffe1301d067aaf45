#include "bytefed/privacy/discrete_gaussian.h"

#include "bytefed/assert.h"

namespace bytefed {
namespace {

constexpr int64_t kFarthest = INT64_C(1) << 31;  // nothing that far is ever drawn, within 2^-127

// exp(-1) as often as `times` says: whether all of them came true.
bool bernoulli_exp_times(RandomStream& random, uint64_t times) {
  for (; times > 0; --times) {
    if (!bernoulli_exp(random, 1, 1)) return false;
  }
  return true;
}

}  // namespace

uint64_t uniform_below(RandomStream& random, uint64_t m) {
  BYTEFED_ASSERT(m >= 1);
  if (m == 1) return 0;
  uint64_t mask = m - 1;
  for (unsigned shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
  for (;;) {
    uint64_t value = random.word();
    if (mask > UINT32_MAX) value |= static_cast<uint64_t>(random.word()) << 32;
    value &= mask;
    if (value < m) return value;
  }
}

// The first k that fails is odd with probability 1 - a/b + (a/b)^2/2 - ... = exp(-a/b). A trial of a / (b k)
// is one of a / b and one of 1 / k, so no product can overflow.
bool bernoulli_exp(RandomStream& random, uint64_t a, uint64_t b) {
  BYTEFED_ASSERT(a <= b);
  uint64_t k = 1;
  while (uniform_below(random, b) < a && uniform_below(random, k) == 0) ++k;
  return (k & 1u) != 0;
}

int64_t discrete_laplace(RandomStream& random, uint32_t t) {
  for (;;) {
    const uint64_t rest = uniform_below(random, t);
    if (!bernoulli_exp(random, rest, t)) continue;
    int64_t whole = 0;
    while (bernoulli_exp(random, 1, 1)) ++whole;
    const int64_t size = static_cast<int64_t>(rest) + whole * static_cast<int64_t>(t);
    const bool negative = uniform_below(random, 2) == 1;
    if (negative && size == 0) continue;  // or 0 would be twice as likely
    return negative ? -size : size;
  }
}

int32_t discrete_gaussian(RandomStream& random, uint32_t sigma) {
  BYTEFED_ASSERT(sigma >= 1 && sigma <= kLargestSigma);
  const uint64_t spread = 2 * static_cast<uint64_t>(sigma) * sigma;
  for (;;) {
    const int64_t y = discrete_laplace(random, sigma);
    const int64_t size = y < 0 ? -y : y;
    if (size >= kFarthest) continue;
    const int64_t off = size - static_cast<int64_t>(sigma);
    const uint64_t square = static_cast<uint64_t>(off * off);
    if (bernoulli_exp_times(random, square / spread) && bernoulli_exp(random, square % spread, spread)) {
      return static_cast<int32_t>(y);
    }
  }
}

}  // namespace bytefed
