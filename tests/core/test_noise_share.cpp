// Shares of the noise that hides whole boards: golden vectors, the bound, and the distribution of their sum.
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "bytefed/secure_sum/sum_codec.h"
#include "vectors.h"

using namespace bytefed;
using check::Bytes;

namespace {

double square_of(const std::vector<float>& bounded) {
  double sum = 0.0;
  for (float value : bounded) {
    int32_t y;
    std::memcpy(&y, &value, sizeof y);
    sum += static_cast<double>(y) * y;
  }
  return sum;
}

std::vector<float> normal(std::mt19937& random, size_t count, float size) {
  std::normal_distribution<float> draw(0.0f, size);
  std::vector<float> values(count);
  for (float& value : values) value = draw(random);
  return values;
}

}  // namespace

TEST(shares_are_those_of_the_vectors) {
  int seen = 0;
  for (const auto& line : vectors::read("masks.txt")) {
    if (line[0] != "share") continue;
    ++seen;
    const SumScale scale = {static_cast<Codec>(std::stoi(line[1])), static_cast<uint16_t>(std::stoi(line[2])),
                            vectors::float_of(line[3]), static_cast<uint32_t>(std::stoul(line[4]))};
    const NoisePlan plan = {
        {1.0f, static_cast<uint8_t>(std::stoi(line[5]))}, static_cast<uint32_t>(std::stoul(line[6])), true};
    CHECK(plan.valid());
    const size_t count = line.size() - 10;
    std::vector<float> values(padded(count));
    for (size_t i = 0; i < count; ++i) values[i] = vectors::float_of(line[8 + i]);
    const SumLayout layout = sum_layout(scale.codec, count, scale.boards, 0);
    Bytes lanes(layout.size());
    encode_share(scale, plan, count, vectors::bytes(line[7]).data(), values.data());
    if (is_lossy(scale.codec)) {
      put_share(layout, values.data(), lanes.data());
      CHECK(values == std::vector<float>(values.size()));
    } else {
      std::memcpy(lanes.data(), values.data(), lanes.size());
    }
    CHECK_EQUAL(lanes, vectors::bytes(line.back()));
  }
  CHECK_EQUAL(seen, 7);
}

TEST(no_board_adds_more_to_a_sum_than_the_clip) {
  std::mt19937 random(5);
  int bound_hits = 0;
  for (int i = 0; i < 4000; ++i) {
    const uint8_t grid = static_cast<uint8_t>(6 + i % 13);
    const size_t count = static_cast<size_t>(1 + i % 700);
    const float step = std::exp2(static_cast<float>(i % 40 - 20));
    std::vector<float> values =
        normal(random, count, step * std::exp2(static_cast<float>(static_cast<int>(random() % 24) - 4)));
    bound(values.data(), count, step, grid);
    const double square = square_of(values), most = std::exp2(2.0 * grid);
    CHECK(square <= most);
    bound_hits += square > 0.9 * most;
  }
  CHECK(bound_hits > 500);  // what was longer is as long as it may be, or nearly
}

TEST(values_that_are_short_are_rounded_and_no_more) {
  std::vector<float> values = {1.0f, -1.0f, 0.24f, -0.26f, 3.3f, -7.75f};
  bound(values.data(), values.size(), 0.5f, 6);
  const int32_t wanted[] = {2, -2, 0, -1, 7, -15};  // halves go up
  CHECK(std::memcmp(values.data(), wanted, sizeof wanted) == 0);
}

TEST(what_is_no_number_adds_nothing) {
  const float infinite = std::numeric_limits<float>::infinity(),
              odd[] = {infinite, -infinite, NAN, 1e38f, 0.0f};
  for (float value : odd) {
    std::vector<float> values(40, value == 0.0f ? 0.0f : 1.0f);
    values[7] = value;
    bound(values.data(), values.size(), 0.25f, 16);
    CHECK_EQUAL(square_of(values), 0.0);
  }
}

TEST(a_share_is_what_makes_three_quarters_of_the_boards_enough) {
  CHECK_EQUAL(least_survivors(64), 48);
  CHECK_EQUAL(least_survivors(65), 49);
  CHECK_EQUAL(least_survivors(67), 51);
  CHECK_EQUAL(least_survivors(3), 3);
  CHECK_EQUAL(least_survivors(65535), 49152);
  for (uint16_t boards : {48, 75, 750}) {
    const NoisePlan plan = {{1.0f, 12}, 3000000, true};
    const double sigma = plan.sigma(boards), wanted = std::exp2(2.0 * 12 + 27) / 3000000 / boards;
    CHECK(sigma * sigma >= wanted && (sigma - 1) * (sigma - 1) < wanted);
  }
  CHECK_EQUAL((NoisePlan{{1.0f, 6}, 0xFFFFFFFFu, true}.sigma(750)), 3u);
  CHECK_EQUAL((NoisePlan{{1.0f, 6}, 0xFFFFFFFFu, false}.sigma(750)), 1u);
  CHECK((NoisePlan{{1.0f, 6}, 1000, true}.valid()) && !(NoisePlan{{1.0f, 6}, 1000, false}.valid()));
  CHECK(!(NoisePlan{{1.0f, 5}, 1000, true}.valid()) && !(NoisePlan{{1.0f, 19}, 1000, true}.valid()));
}

// 48 shares are the noise of one: chi-square against the discrete Gaussian that the price is for.
TEST(the_sum_of_all_shares_is_a_discrete_gaussian) {
  constexpr uint16_t kBoards = 64, kSums = 4000;
  const NoisePlan plan = {{1.0f, 6}, 500000000, true};
  const SumScale scale = {Codec::kFloat32, kBoards, 1.0f, 0};
  std::vector<int64_t> sums(kSums);
  for (uint8_t board = 0; board < least_survivors(kBoards); ++board) {
    const uint8_t key[kKeySize] = {7, board};
    std::vector<float> values(kSums);
    encode_share(scale, plan, kSums, key, values.data());
    for (size_t i = 0; i < kSums; ++i) {
      int32_t y;
      std::memcpy(&y, &values[i], sizeof y);
      sums[i] += y;
    }
  }
  const double share = plan.sigma(48), sigma = share * std::sqrt(48.0);
  CHECK(sigma >= std::sqrt(std::exp2(2 * 6 + 27) / 500000000));
  constexpr int kBins = 24;  // from -3 sigma to 3 sigma, and the tails
  const auto bin = [&](double y) {
    const int at = static_cast<int>(std::floor(y / sigma * 4.0)) + kBins / 2;
    return at < 0 ? 0 : at >= kBins ? kBins - 1 : at;
  };
  std::vector<double> wanted(kBins), found(kBins);
  double total = 0.0;
  const int far = static_cast<int>(12 * sigma);
  for (int y = -far; y <= far; ++y) {
    const double weight = std::exp(-0.5 * y * y / (sigma * sigma));
    wanted[static_cast<size_t>(bin(y))] += weight;
    total += weight;
  }
  for (int64_t y : sums) found[static_cast<size_t>(bin(static_cast<double>(y)))] += 1.0;
  double square = 0.0;
  for (size_t i = 0; i < kBins; ++i) {
    const double expected = kSums * wanted[i] / total;
    square += (found[i] - expected) * (found[i] - expected) / expected;
  }
  CHECK(square <
        49.7);  // 23 degrees of freedom: larger by chance once in 1,000; the draws are always the same
}
