// Boards of a secure sum on the bench: setup, rounds with masks, and taking them off.
#pragma once
#include <memory>

#include "bench_board.h"
#include "bytefed/learning/exact_math.h"

namespace bench {

constexpr float kStep = 1.0f / 1024;
constexpr uint8_t kBoth = RoundFlag::kTrain | RoundFlag::kStatistics;

inline Mask plan_of(uint16_t boards, uint8_t setup = 1) {
  return {setup, boards, 6, 3};
}

inline Config config_of(uint8_t codec, uint32_t seed = 9) {
  return {0, codec, 1, 2, 0.1f, seed};
}

inline bool is_masked(const BenchBoard& board) {
  return (board.session.board().capabilities & Board::kMasked) != 0;
}

// The NEXT of a masked round.
inline Request masked_next(uint16_t round, const Bytes& head, float step = kStep,
                           uint8_t flags = RoundFlag::kTrain) {
  Bytes between(sizeof step);
  std::memcpy(between.data(), &step, sizeof step);
  return BenchBoard::next_of(round, head, joined(between, head), flags);
}

// One board of a sum, with other samples and other random numbers than the rest.
struct Member : BenchBoard {
  explicit Member(unsigned place, uint8_t limit = 250) : BenchBoard(limit, 2, true, true) {
    draws = 20 * place;
    hello();
    const Bytes blob = records(static_cast<uint16_t>(4 + place), kFeatures, static_cast<uint8_t>(11 * place));
    add_all(blob, static_cast<uint16_t>(4 + place), Add::kAnew);
    add_all(records(3), 3, Add::kTest);
    store();
  }
  void add_all(const Bytes& blob, uint16_t count, uint8_t kind) {
    ask(add_of(blob, 0, count, kind));
    expect<Added>();
    push(blob);
    CHECK_EQUAL(final_status(), 0);
  }
  void plans(const Config& config) {
    ask(config);
    CHECK_EQUAL(take(), control(Kind::kConfigured, sequence));
  }
  void noises(const Noise& noise) {
    ask(noise);
    expect<Noised>();
  }
  // The point that answers MASK.
  Bytes mask(const Mask& plan) {
    ask(plan);
    const Bytes frame = take();
    CHECK_EQUAL(frame.size(), kHeaderSize + kKeySize);
    if (frame.size() != kHeaderSize + kKeySize) return Bytes(kKeySize);
    CHECK_EQUAL(frame[0], static_cast<uint8_t>(Kind::kMasked));
    return Bytes(frame.begin() + kHeaderSize, frame.end());
  }
  void peers(uint8_t first, const Bytes& points) {
    ask(Kind::kPeers, joined({first}, points));
    CHECK_EQUAL(take(), control(Kind::kPeered, sequence));
  }
  void refuses_peers(uint8_t first, const Bytes& points, Status status) {
    ask(Kind::kPeers, joined({first}, points));
    expect_error(status);
  }
  void refuses(const Request& request, Status status) {
    ask(request);
    expect_error(status);
  }
  // The masked blob of a round.
  Bytes blob(uint16_t round, const Bytes& head, float step = kStep, uint8_t flags = RoundFlag::kTrain) {
    ask(masked_next(round, head, step, flags));
    return done(flags);
  }
  Bytes done(uint8_t flags = RoundFlag::kTrain) {
    if ((flags & RoundFlag::kStatistics) == 0) {
      CHECK_EQUAL(static_cast<int>(expect<Done>().status), 0);
    } else {
      const Result result = expect<Result>();
      CHECK_EQUAL(static_cast<int>(result.status), 0);
      CHECK_EQUAL(result.num_examples + result.correct + result.test_correct, 0);
      CHECK_EQUAL(float_bits(result.loss), 0u);
    }
    return tail;
  }
  // `said` is what UNMASK says behind its fields.
  Bytes unmask(uint16_t round, uint16_t survivors, const Bytes& said = {}) {
    ask(Kind::kUnmask, joined(body_of(Unmask{round, survivors}), said));
    const Bytes frame = take();
    CHECK(frame.size() >= kHeaderSize + kMaskKeySize);
    if (frame.size() < kHeaderSize) return {};
    CHECK_EQUAL(frame[0], static_cast<uint8_t>(Kind::kUnmasked));
    return Bytes(frame.begin() + kHeaderSize, frame.end());
  }
  void refuses_unmask(uint16_t round, uint16_t survivors, Status status, const Bytes& said = {}) {
    ask(Kind::kUnmask, joined(body_of(Unmask{round, survivors}), said));
    expect_error(status);
  }
};

// All boards of a sum, each the neighbour of each; its neighbours stand in their order, itself left out.
struct Sum {
  explicit Sum(uint16_t boards, uint8_t codec = 0, const Noise& noise = {}) {
    for (uint16_t i = 0; i < boards; ++i) {
      members.emplace_back(new Member(i));
      if (noise.cost != 0) members[i]->noises(noise);
      members[i]->plans(config_of(codec, 9u + i));  // another seed each
      points.push_back(members[i]->mask(plan_of(boards)));
    }
    for (uint16_t i = 0; i < boards; ++i) {
      Bytes others;
      for (uint16_t j = 0; j < boards; ++j) {
        if (j != i) others = joined(others, points[j]);
      }
      CHECK(!is_masked(*members[i]));
      members[i]->peers(0, others);
      CHECK(is_masked(*members[i]));
    }
  }

  // Takes off the masks of those who survive; the rest never answered.
  void unmask(uint16_t round, uint16_t survivors, const SumLayout& layout, Bytes* total,
              const Bytes& said = {}) {
    for (size_t i = 0; i < members.size(); ++i) {
      if ((survivors >> i & 1u) == 0) continue;
      const uint16_t below = static_cast<uint16_t>(survivors & ((1u << i) - 1));
      const uint16_t others = static_cast<uint16_t>(below | (survivors >> (i + 1)) << i);
      const Bytes keys = members[i]->unmask(round, others, said);
      const uint8_t* key = keys.data();
      add_mask(key, true, layout, total->data());
      for (size_t j = 0; j < members.size(); ++j) {
        if (j == i || (survivors >> j & 1u) != 0) continue;
        add_mask(key += kMaskKeySize, !(points[j] < points[i]), layout, total->data());
      }
      CHECK_EQUAL(static_cast<size_t>(key - keys.data()) + kMaskKeySize, keys.size());
    }
  }

  std::vector<std::unique_ptr<Member>> members;
  std::vector<Bytes> points;
};

// Words and lanes of a blob.
inline std::vector<uint32_t> numbers(const Bytes& blob, const SumLayout& layout) {
  CHECK_EQUAL(blob.size(), layout.size());
  std::vector<uint32_t> all(layout.words + layout.lanes);
  for (size_t i = 0; i < all.size(); ++i) {
    const size_t from = i < layout.words ? 32 * i : 32 * layout.words + layout.bits * (i - layout.words);
    const size_t bits = i < layout.words ? 32 : layout.bits;
    for (size_t bit = 0; bit < bits; ++bit) {
      all[i] |= static_cast<uint32_t>(blob[(from + bit) / 8] >> (from + bit) % 8 & 1u) << bit;
    }
  }
  return all;
}

// The sum of blobs, lane by lane.
inline Bytes summed(const std::vector<Bytes>& blobs, uint16_t survivors, const SumLayout& layout) {
  Bytes total(layout.size());
  std::vector<uint32_t> sum(layout.words + layout.lanes);
  for (size_t i = 0; i < blobs.size(); ++i) {
    if ((survivors >> i & 1u) == 0) continue;
    const std::vector<uint32_t> own = numbers(blobs[i], layout);
    for (size_t j = 0; j < sum.size(); ++j) sum[j] += own[j];
  }
  for (size_t i = 0; i < sum.size(); ++i) {
    const size_t from = i < layout.words ? 32 * i : 32 * layout.words + layout.bits * (i - layout.words);
    const size_t bits = i < layout.words ? 32 : layout.bits;
    for (size_t bit = 0; bit < bits; ++bit) {
      if ((sum[i] >> bit & 1u) != 0) total[(from + bit) / 8] |= static_cast<uint8_t>(1u << (from + bit) % 8);
    }
  }
  return total;
}

}  // namespace bench
