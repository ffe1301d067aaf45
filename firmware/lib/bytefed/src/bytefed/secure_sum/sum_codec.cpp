#include "bytefed/secure_sum/sum_codec.h"

#include "bytefed/codec/rotated.h"
#include "bytefed/secure_sum/lanes.h"

namespace bytefed {
namespace {

// Levels above the lowest, by codec; float32 has as many as fit.
constexpr uint8_t kLevels[] = {0, 255, 1, 3};

uint32_t levels_of(Codec codec) {
  return kLevels[static_cast<uint8_t>(codec)];
}

unsigned digits(uint32_t value) {
  unsigned bits = 0;
  for (; value != 0; value >>= 1) ++bits;
  return bits;
}

// Fixed point, in the place of the values.
float fix(const SumScale& scale, size_t count, float* values) {
  const float most = static_cast<float>(1u << (31 - digits(scale.boards))), inverse = 1.0f / scale.step;
  float sum = 0.0f;
  for (size_t i = 0; i < count; ++i) {
    sum += magnitude(values[i]);
    float y = values[i] * inverse + 0.5f;
    y = y > most ? most : y < -most ? -most : y;
    int32_t whole = static_cast<int32_t>(y);
    if (static_cast<float>(whole) > y) --whole;
    std::memcpy(values + i, &whole, sizeof whole);
  }
  return sum / static_cast<float>(count);
}

// The nearest of the levels to each x, which becomes what is missing.
float cut(const SumScale& scale, size_t n, float* x, uint8_t* lanes) {
  const uint32_t levels = levels_of(scale.codec);
  const float top = static_cast<float>(levels), inverse = 0.5f / scale.step, middle = 0.5f * (top + 1.0f);
  LaneWriter writer(lanes, digits(levels * scale.boards));
  float sum = 0.0f;
  for (size_t j = 0; j < n; ++j) {
    sum += magnitude(x[j]);
    const float y = x[j] * inverse + middle;
    const uint32_t q = !(y > 0.0f) ? 0 : y < top ? static_cast<uint32_t>(y) : levels;
    writer.put(q);
    x[j] -= (2.0f * static_cast<float>(q) - top) * scale.step;
  }
  return sum / static_cast<float>(n);
}

}  // namespace

bool has_sums(uint8_t codec) {
  return codec < sizeof kLevels;
}

bool has_shares(uint8_t codec) {
  return has_sums(codec) && (kLevels[codec] == 0 || kLevels[codec] == 255);
}

SumLayout sum_layout(Codec codec, size_t count, uint16_t boards, size_t words) {
  if (!is_lossy(codec)) return {words, count, 32};
  return {words, padded(count), digits(levels_of(codec) * boards)};
}

bool SumScale::valid() const {
  constexpr float kLeast = 5.42101086e-20f, kMost = 1.84467441e19f;  // 2^-64, 2^64
  return step >= kLeast && step <= kMost;
}

float encode_sum(const SumScale& scale, size_t count, float* values, uint8_t* lanes) {
  if (!is_lossy(scale.codec)) return fix(scale, count, values);
  rotate(count, scale.seed, values);
  const float mean = cut(scale, padded(count), values, lanes);
  rotate_back(count, scale.seed, 1.0f, values);
  return mean;
}

void encode_share(const SumScale& scale, const NoisePlan& plan, size_t count, const uint8_t key[kKeySize],
                  float* values) {
  const bool lossy = is_lossy(scale.codec);
  if (lossy) rotate(count, scale.seed, values);
  const size_t lanes = lossy ? padded(count) : count;
  bound(values, lanes, scale.step, plan.clipping.grid);
  RandomStream random;
  random.start(key);
  add_noise(IntegerSums(values), 0, lanes, plan.sigma(least_survivors(scale.boards)), random);
}

void put_share(const SumLayout& layout, float* values, uint8_t* lanes) {
  IntegerSums sums(values);
  LaneWriter writer(lanes, layout.bits);
  for (size_t i = 0; i < layout.lanes; ++i) writer.put(static_cast<uint32_t>(sums.get(i)));
  sums.clear(layout.lanes);
}

uint32_t sum_word(float value, uint16_t boards) {
  const uint32_t most = largest_word(boards);
  return value < static_cast<float>(most) ? static_cast<uint32_t>(value) : most;
}

}  // namespace bytefed
