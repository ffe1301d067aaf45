// Rounds of boards that make a share of the noise each: what they hide, what they pay, and whom they tell
// their keys.
#include "bench_sum.h"
#include "bytefed/learning/exact_math.h"

using namespace bench;

namespace {

constexpr uint16_t kBoards = 5, kRound = 3;
constexpr uint32_t kCost = 2000000;

Noise noise(uint8_t codec = 0, uint32_t cost = kCost) {
  return {1.0f, cost, static_cast<uint8_t>(kWhole | (codec == 0 ? 16 : 6)), 3 * kCost};
}

// A step so large that deltas are short, or so small that all are clipped.
float step_of(uint8_t codec, bool clips) {
  return (codec == 0 ? 1.0f / 65536 : 1.0f / 64) / (clips ? 64.0f : 1.0f);
}

Bytes said(uint16_t boards) {
  return {static_cast<uint8_t>(boards), static_cast<uint8_t>(boards >> 8)};
}

// The words and lanes that a member hides, found by a twin whose delta is told plainly. `draws`: its random
// bytes before.
std::vector<uint32_t> plain(unsigned place, uint8_t codec, float step, unsigned draws) {
  Member twin(place);
  twin.plans(config_of(0, 9u + place));
  twin.ask(BenchBoard::next_of(kRound, BenchBoard::head(), BenchBoard::head()));
  twin.expect<Done>();
  float values[64] = {};
  std::memcpy(values, twin.tail.data(), twin.tail.size());
  uint8_t key[kKeySize];
  std::memset(key, static_cast<uint8_t>(draws + 1), sizeof key);
  const SumScale scale = {static_cast<Codec>(codec), kBoards, step, uplink_seed(0, kRound)};
  const SumLayout layout = sum_layout(scale.codec, kParameters, kBoards, 2);
  const Noise asked = noise(codec);
  encode_share(scale, {{asked.clip, static_cast<uint8_t>(asked.grid & ~kWhole)}, asked.cost, true},
               kParameters, key, values);
  Bytes blob(layout.size());
  blob[0] = 1;
  if (codec == 0) {
    std::memcpy(&blob[8], values, 4 * kParameters);
  } else {
    put_share(layout, values, &blob[8]);
  }
  return numbers(blob, layout);
}

// `before`: whether a round went before, whose blob counted. Nothing may be left of it.
void is_exact(uint8_t codec, bool clips, uint16_t survivors, bool before = false) {
  const float step = step_of(codec, clips);
  Sum sum(kBoards, codec, noise(codec));
  for (const auto& member : sum.members) {
    if (before) member->blob(1, BenchBoard::head(), step);
  }
  std::vector<Bytes> blobs;
  std::vector<unsigned> draws;
  for (const auto& member : sum.members) {
    draws.push_back(member->draws);
    blobs.push_back(member->blob(kRound, BenchBoard::head(), step));
  }
  const SumLayout layout = sum_layout(static_cast<Codec>(codec), kParameters, kBoards, 2);
  Bytes total = summed(blobs, survivors, layout);
  sum.unmask(kRound, survivors, layout, &total, said(survivors == 31 ? 5 : 4));
  const std::vector<uint32_t> found = numbers(total, layout);
  std::vector<uint32_t> wanted(found.size());
  for (uint16_t i = 0; i < kBoards; ++i) {
    if ((survivors >> i & 1u) == 0) continue;
    const std::vector<uint32_t> own = plain(i, codec, step, draws[i]);
    for (size_t j = 0; j < wanted.size(); ++j) wanted[j] += own[j];
  }
  for (size_t j = layout.words; j < wanted.size() && layout.bits < 32; ++j)
    wanted[j] &= (1u << layout.bits) - 1;
  CHECK(found == wanted);
}

// One member of five, ready for rounds.
struct One {
  explicit One(uint8_t codec = 0) : sum(kBoards, codec, noise(codec)), board(*sum.members[0]) {}
  Request next(uint16_t round = kRound) { return masked_next(round, BenchBoard::head(), step_of(0, false)); }

  Sum sum;
  Member& board;
};

}  // namespace

TEST(share_sums_are_those_of_bounded_deltas_and_their_noise) {
  for (uint8_t codec : {0, 1}) {
    for (bool clips : {false, true}) {
      is_exact(codec, clips, 31);
      is_exact(codec, clips, 0x1D);
      is_exact(codec, clips, 31, true);
    }
  }
}

TEST(share_a_round_spends_before_its_blob_leaves) {
  One one;
  for (uint16_t number = 1; number <= 3; ++number) {
    one.board.blob(number, BenchBoard::head());
    CHECK_EQUAL(one.board.kept.back().spent, number * kCost);
    CHECK(one.board.kept.back().whole == BudgetRecord::kWhole);
  }
  one.board.refuses(one.next(4), Status::kBudgetSpent);
  One poor;
  poor.board.has_flash = false;
  poor.board.ask(poor.next());
  CHECK(poor.board.expect<Done>().status == Status::kStorageFailed);
  CHECK(!poor.board.session.holds_delta());
  One silent;
  silent.board.has_entropy = false;
  silent.board.ask(silent.next());
  CHECK(silent.board.expect<Done>().status == Status::kNoEntropy);
  CHECK(!silent.board.session.holds_delta());
  CHECK_EQUAL(silent.board.kept.back().spent, 0u);
}

TEST(share_keys_are_told_only_where_the_noise_is_whole) {
  One one;
  one.board.blob(kRound, BenchBoard::head());
  one.board.refuses_unmask(kRound, 0xF, Status::kBadLength);
  one.board.refuses_unmask(kRound, 0xF, Status::kTooFew, said(3));  // four would do
  one.board.refuses_unmask(kRound, 0x7, Status::kTooFew, said(3));
  one.board.refuses_unmask(kRound, 0x7, Status::kBadValue, said(5));  // one of five is lost
  one.board.refuses_unmask(kRound, 0x3, Status::kBadValue, said(4));
  one.board.refuses_unmask(kRound, 0xF, Status::kBadValue, said(6));
  // NOISE that comes later changes nothing about a blob that is there.
  one.board.ask(Noise{1.0f, kCost, 16, kCost});
  one.board.expect_error(Status::kBudgetSpent);
  one.board.refuses_unmask(kRound, 0xF, Status::kTooFew, said(3));
  CHECK_EQUAL(one.board.unmask(kRound, 0x7, said(4)).size(), 2 * kMaskKeySize);
  one.board.refuses_unmask(kRound, 0xF, Status::kMasksUsed, said(5));
}

TEST(share_a_sum_without_noise_needs_no_number_of_boards) {
  Sum sum(kBoards);
  sum.members[0]->blob(kRound, BenchBoard::head());
  CHECK_EQUAL(sum.members[0]->unmask(kRound, 0x3).size(), 3 * kMaskKeySize);
}

TEST(share_rounds_without_masks_and_with_other_codecs_are_refused) {
  BenchBoard bare(250);
  bare.ready();
  bare.ask(noise());
  bare.expect<Noised>();
  bare.ask(BenchBoard::next_of(1, BenchBoard::head()));
  bare.expect_error(Status::kNoMasks);
  for (uint8_t codec : {2, 3}) {
    One one(codec);
    one.board.refuses(masked_next(kRound, BenchBoard::head()), Status::kUnknownCodec);
  }
}

TEST(share_a_budget_is_of_one_kind) {
  for (bool whole : {false, true}) {
    BenchBoard board(250);
    board.ready();
    board.ask(Noise{1.0f, kCost, static_cast<uint8_t>(whole ? kWhole | 16 : 16), kCost});
    board.expect<Noised>();
    CHECK(board.kept.back().whole == (whole ? BudgetRecord::kWhole : uint16_t{0}));
    board.ask(Noise{1.0f, kCost, static_cast<uint8_t>(whole ? 16 : kWhole | 16), kCost});
    board.expect_error(Status::kBudgetSpent);
  }
}

// Older firmware knew budgets of samples alone, and left there what the memory held.
TEST(share_a_budget_of_older_firmware_is_of_samples) {
  for (uint16_t left : {uint16_t{0}, uint16_t{1}, uint16_t{0xFFFF}}) {
    BenchBoard board(250);
    board.ready();
    board.session.restore(BudgetRecord{3 * kCost, 0, board.session.samples_record().set, left});
    board.ask(Noise{1.0f, kCost, kWhole | 16, 0});
    board.expect_error(Status::kBudgetSpent);
    board.ask(Noise{1.0f, kCost, 16, 0});
    CHECK_EQUAL(board.expect<Noised>().budget, 3 * kCost);
  }
}

TEST(share_ranges_of_the_grid) {
  BenchBoard board;
  board.ready();
  for (uint8_t grid : {5, 19}) {
    board.ask(Noise{1.0f, kCost, static_cast<uint8_t>(kWhole | grid), kCost});
    board.expect_error(Status::kBadValue);
  }
  board.ask(Noise{1.0f, kCost, static_cast<uint8_t>(kWhole | 6), kCost});
  board.expect<Noised>();
}

TEST(share_training_that_diverged_adds_nothing_and_says_nothing) {
  for (uint8_t codec : {0, 1}) {
    One one(codec);
    Config config = config_of(codec);
    config.rate = 1e38f;
    config.epochs = 5;
    one.board.plans(config);
    const unsigned draws = one.board.draws;
    const Bytes diverged = one.board.blob(kRound, BenchBoard::head(), step_of(codec, false));
    CHECK_EQUAL(one.board.draws, draws + 2);
    CHECK_EQUAL(one.board.kept.back().spent, kCost);
    CHECK(!diverged.empty());
  }
}

TEST(share_statistics_stay_on_the_board) {
  constexpr uint8_t kBoth = RoundFlag::kTrain | RoundFlag::kStatistics;
  Sum sum(kBoards, 0, noise());
  const SumLayout layout = sum_layout(Codec::kFloat32, kParameters, kBoards, 5);
  std::vector<Bytes> blobs;
  for (const auto& member : sum.members) {
    blobs.push_back(member->blob(kRound, BenchBoard::head(), step_of(0, false), kBoth));
  }
  Bytes total = summed(blobs, 31, layout);
  sum.unmask(kRound, 31, layout, &total, said(5));
  const std::vector<uint32_t> found = numbers(total, layout);
  CHECK_EQUAL(found[0], 5u);  // each board counts once
  for (size_t i = 1; i < layout.words; ++i) CHECK_EQUAL(found[i], 0u);
}

TEST(share_masks_of_another_noise_do_not_cancel) {
  for (const Noise& other : {noise(0, kCost + 1), Noise{1.0f, kCost, kWhole | 15, kCost}}) {
    Sum sum(kBoards, 0, noise());
    sum.members[0]->noises(other);
    std::vector<Bytes> blobs;
    const SumLayout layout = sum_layout(Codec::kFloat32, kParameters, kBoards, 2);
    for (const auto& member : sum.members) {
      blobs.push_back(member->blob(kRound, BenchBoard::head(), step_of(0, false)));
    }
    Bytes total = summed(blobs, 31, layout);
    sum.unmask(kRound, 31, layout, &total, said(5));
    CHECK(numbers(total, layout)[0] != 5u);
  }
}
