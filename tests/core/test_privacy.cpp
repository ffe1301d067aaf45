// Clipped sums, and the noise on them: golden vectors, the sampler's distribution, and the bound of the clip.
#include <cmath>
#include <map>
#include <random>

#include "bytefed/learning/exact_math.h"
#include "bytefed/privacy/noisy_pass.h"
#include "vectors.h"

using namespace bytefed;
using check::Bytes;

namespace {

void start(RandomStream& stream, const std::string& hex) {
  const Bytes key = vectors::bytes(hex);
  CHECK_EQUAL(key.size(), kKeySize);
  stream.start(key.data());
}

// A round of noise.txt.
struct Pass {
  HeadShape shape;
  Quantization quantization;
  NoisePlan plan;
  float rate;
  std::string key;
  std::vector<Bytes> samples;
  std::vector<float> head;
  std::vector<int32_t> sums;
  std::vector<uint32_t> delta;
};

std::vector<Pass> passes() {
  std::vector<Pass> all;
  for (const auto& line : vectors::read("noise.txt")) {
    if (line[0] == "pass") {
      const NoisePlan plan = {{vectors::float_of(line[5]), static_cast<uint8_t>(std::stoi(line[6]))},
                              static_cast<uint32_t>(std::stoul(line[7])),
                              false};
      all.push_back({{static_cast<uint16_t>(std::stoi(line[1])), static_cast<uint8_t>(std::stoi(line[2]))},
                     {vectors::float_of(line[4]), static_cast<int8_t>(std::stoi(line[3]))},
                     plan,
                     vectors::float_of(line[8]),
                     line[9],
                     {},
                     {},
                     {},
                     {}});
      continue;
    }
    for (size_t i = 1; i < line.size(); ++i) {
      if (line[0] == "sample" && i == 1) all.back().samples.emplace_back();
      if (line[0] == "sample") all.back().samples.back().push_back(static_cast<uint8_t>(std::stoi(line[i])));
      if (line[0] == "head") all.back().head.push_back(vectors::float_of(line[i]));
      if (line[0] == "sums") all.back().sums.push_back(static_cast<int32_t>(std::stol(line[i])));
      if (line[0] == "delta") all.back().delta.push_back(static_cast<uint32_t>(std::stoul(line[i])));
    }
  }
  return all;
}

// The store of a round's samples; it lives in `memory`.
SampleStore store_of(const Pass& pass, Bytes& memory) {
  const uint16_t n = static_cast<uint16_t>(pass.samples.size());
  memory.resize(n * SampleStore::record_size(pass.shape.features));
  SampleStore store(memory.data(), n, pass.shape.features);
  store.set_quantization(pass.quantization);
  for (const Bytes& sample : pass.samples) {
    std::memcpy(store.next(Split::kTrain), sample.data() + 1, pass.shape.features);
    store.commit(Split::kTrain, sample[0]);
  }
  return store;
}

// The chi-square statistic of draws against a distribution, over bins that expect 20 at least; and the bins.
template <typename Weight>
std::pair<double, int> chi_square(const std::map<int64_t, int>& seen, int draws, int64_t reach,
                                  Weight weight) {
  double total = 0.0;
  for (int64_t y = -reach; y <= reach; ++y) total += weight(y);
  double statistic = 0.0, expected = 0.0;
  int counted = 0, bins = 0;
  for (int64_t y = -reach; y <= reach; ++y) {
    expected += draws * weight(y) / total;
    const auto at = seen.find(y);
    counted += at == seen.end() ? 0 : at->second;
    if (expected < 20.0 && y < reach) continue;
    statistic += (counted - expected) * (counted - expected) / expected;
    expected = 0.0;
    counted = 0;
    ++bins;
  }
  return {statistic, bins};
}

// Bounds that a right sampler exceeds once in 10^9 keys: the statistic is nearly normal.
void is_drawn_from(const std::pair<double, int>& found) {
  const double freedom = found.second - 1;
  CHECK(found.first < freedom + 6.0 * std::sqrt(2.0 * freedom) + 12.0);
  CHECK(found.first > freedom - 6.0 * std::sqrt(2.0 * freedom));
}

}  // namespace

TEST(noise_sampler_vectors) {
  for (const auto& line : vectors::read("noise.txt")) {
    if (line[0] != "gauss") continue;
    RandomStream stream;
    start(stream, line[2]);
    for (size_t i = 3; i < line.size(); ++i) {
      CHECK_EQUAL(discrete_gaussian(stream, static_cast<uint32_t>(std::stoul(line[1]))), std::stol(line[i]));
    }
  }
}

TEST(noise_sampler_has_the_distribution) {
  constexpr int kDraws = 60000;
  for (uint32_t sigma : {1u, 2u, 5u, 19u}) {
    RandomStream stream;
    uint8_t key[kKeySize] = {static_cast<uint8_t>(sigma)};
    stream.start(key);
    std::map<int64_t, int> seen, laplace;
    for (int i = 0; i < kDraws; ++i) {
      ++seen[discrete_gaussian(stream, sigma)];
      ++laplace[discrete_laplace(stream, sigma)];
    }
    const double s = sigma;
    const auto gauss = [s](int64_t y) { return std::exp(-static_cast<double>(y * y) / (2.0 * s * s)); };
    is_drawn_from(chi_square(seen, kDraws, 12 * sigma, gauss));
    is_drawn_from(chi_square(laplace, kDraws, 40 * sigma,
                             [s](int64_t y) { return std::exp(-std::fabs(static_cast<double>(y)) / s); }));
  }
}

TEST(noise_bernoulli_and_uniform_have_theirs) {
  RandomStream stream;
  const uint8_t key[kKeySize] = {7};
  stream.start(key);
  for (const auto& pair : {std::make_pair(0u, 5u), {1u, 1u}, {1u, 3u}, {5u, 7u}, {999u, 1000u}}) {
    constexpr int kDraws = 40000;
    int hits = 0;
    for (int i = 0; i < kDraws; ++i) hits += bernoulli_exp(stream, pair.first, pair.second);
    const double p = std::exp(-static_cast<double>(pair.first) / pair.second);
    CHECK(std::fabs(hits - kDraws * p) <= 6.0 * std::sqrt(kDraws * p * (1 - p)));
  }
  for (uint64_t m : {UINT64_C(1), UINT64_C(2), UINT64_C(3), UINT64_C(10), (UINT64_C(1) << 33) + 1}) {
    uint64_t most = 0;
    for (int i = 0; i < 2000; ++i) {
      const uint64_t value = uniform_below(stream, m);
      CHECK(value < m);
      if (value > most) most = value;
    }
    CHECK(most >= m - 1 - m / 100);
  }
}

TEST(noise_sigma_is_the_least_that_pays) {
  for (uint8_t grid : {8, 12, 16, 18}) {
    for (uint32_t cost : {1000000u, 4462063u, 14602565u, 0xFFFFFFFFu}) {
      const NoisePlan plan = {{1.0f, grid}, cost, false};
      const uint64_t sigma = plan.sigma();
      const auto pays = [&](uint64_t s) {  // s^2 * cost >= 2^(2 grid + 27), without overflow
        return static_cast<long double>(s) * s * cost >= std::ldexp(1.0L, 2 * grid + 27);
      };
      CHECK(pays(sigma) && !pays(sigma - 1));
    }
  }
  CHECK(!(NoisePlan{{1.0f, 18}, 1, false}).valid());  // more noise than sums have room for
  CHECK((NoisePlan{{1.0f, 18}, 40000, false}).valid());
  for (float clip : {0.0f, -1.0f, 1e-7f, 2e6f, float_from_bits(0x7FC00000u), float_from_bits(0x7F800000u)}) {
    CHECK(!(NoisePlan{{clip, 16}, 1000000, false}).valid());
  }
  CHECK(!(NoisePlan{{1.0f, 7}, 1000000, false}).valid() && !(NoisePlan{{1.0f, 19}, 1000000, false}).valid());
  CHECK(!(NoisePlan{{1.0f, 16}, 0, false}).valid());
}

TEST(noise_pass_vectors) {
  for (const Pass& pass : passes()) {
    Bytes memory;
    const SampleStore store = store_of(pass, memory);
    std::vector<float> local(pass.shape.parameters()), workspace(pass.shape.classes);
    const Bytes key = vectors::bytes(pass.key);
    NoisyPass noisy;
    noisy.start(pass.shape, pass.head.data(), store, pass.plan, local.data(), workspace.data(), key.data());
    while (noisy.samples_left() > 0) CHECK(noisy.step());
    for (size_t i = 0; i < local.size(); ++i) CHECK_EQUAL(IntegerSums(local.data()).get(i), pass.sums[i]);
    while (noisy.step()) {
    }
    CHECK(noisy.done());
    noisy.make_delta(pass.rate);
    for (size_t i = 0; i < local.size(); ++i) CHECK_EQUAL(float_bits(local[i]), pass.delta[i]);
  }
}

// Whatever the sample, the head and the plan: what one sample adds is never longer than the clip.
TEST(noise_one_sample_adds_no_more_than_the_clip) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 20000; ++trial) {
    const HeadShape shape = {static_cast<uint16_t>(1 + random() % 12),
                             static_cast<uint8_t>(2 + random() % 5)};
    std::vector<float> head(shape.parameters()), local(shape.parameters()), z(shape.classes);
    for (float& value : head) {
      value =
          random() % 3 == 0 ? float_from_bits(random()) : static_cast<float>(random() % 2001) / 500.0f - 2.0f;
      if (!is_finite(value)) value = 3e38f;
    }
    std::vector<int8_t> q(shape.features);
    for (int8_t& value : q) value = static_cast<int8_t>(random());
    const Quantization quantization = {std::ldexp(1.0f + static_cast<float>(random() % 1000) / 1000.0f,
                                                  static_cast<int>(random() % 40) - 25),
                                       static_cast<int8_t>(random())};
    const Clipping clipping = {std::ldexp(1.0f, static_cast<int>(random() % 41) - 20),
                               static_cast<uint8_t>(8 + random() % 11)};
    int32_t a[kMaxClasses];
    IntegerSums sums(local.data());
    sums.clear(local.size());
    const Sample sample = {static_cast<uint8_t>(random() % shape.classes), q.data()};
    add_clipped(head.data(), sample, quantization, shape, clipping, z.data(), a, sums);
    long double square = 0.0L;
    for (size_t i = 0; i < local.size(); ++i) square += static_cast<long double>(sums.get(i)) * sums.get(i);
    CHECK(square <= std::ldexp(1.0L, 2 * clipping.grid));
  }
}

// The longest gradient on this sample is 2^18 / sqrt(2 * 3622) = 3079.99989 a class: floats that are wrong by
// one part in 10^7 make 3080 of it, which the bound does not hold. Shrinking mends that.
TEST(noise_the_clip_holds_where_floats_round_up) {
  std::mt19937 random(6);
  for (int trial = 0; trial < 4000; ++trial) {
    const HeadShape shape = {4, 2};
    std::vector<float> head(shape.parameters()), local(shape.parameters()), z(shape.classes);
    for (float& value : head) value = static_cast<float>(random() % 2001) / 500.0f - 2.0f;
    const int8_t q[] = {60, 4, 2, 1};
    int32_t a[kMaxClasses];
    IntegerSums sums(local.data());
    sums.clear(local.size());
    add_clipped(head.data(), {static_cast<uint8_t>(random() % 2), q}, {4.0f, 0}, shape, {1.0f / 1024, 18},
                z.data(), a, sums);
    int64_t square = 0;
    for (size_t i = 0; i < local.size(); ++i) square += static_cast<int64_t>(sums.get(i)) * sums.get(i);
    CHECK(square <= INT64_C(1) << 36);
  }
}

TEST(noise_shrinking_ends_within_the_bound) {
  int32_t a[] = {10, -10, 0, 3};
  shrink(a, 4, 209);
  CHECK_EQUAL(a[0], 10);
  shrink(a, 4, 208);
  CHECK_EQUAL(a[0], 9);
  CHECK_EQUAL(a[1], -9);
  CHECK_EQUAL(a[2], 0);
  CHECK_EQUAL(a[3], 2);
  shrink(a, 4, 0);
  CHECK(a[0] == 0 && a[1] == 0 && a[3] == 0);
}
