// NOISE, the budget, and what a board with a budget keeps to itself.
#include "bench_board.h"
#include "bench_flash.h"
#include "bytefed/learning/exact_math.h"
#include "bytefed/storage/budget_store.h"

using namespace bench;

namespace {

constexpr uint32_t kCost = 1000000;

Noise noise(uint32_t budget = 3 * kCost, uint32_t cost = kCost) {
  return {1.0f, cost, 16, budget};
}

// A board with samples and a budget.
struct Guarded : BenchBoard {
  explicit Guarded(uint32_t budget = 3 * kCost) : BenchBoard(20, 2, true, true) {
    ready();
    ask(noise(budget));
    expect<Noised>();
  }
};

void tells(BenchBoard& board, uint32_t budget, uint32_t spent) {
  board.ask(Noise{0.0f, 0, 0, 0});
  const Noised told = board.expect<Noised>();
  CHECK_EQUAL(told.budget, budget);
  CHECK_EQUAL(told.spent, spent);
}

void refuses(BenchBoard& board, const Noise& asked, Status status) {
  board.ask(asked);
  board.expect_error(status);
}

void refuses(BenchBoard& board, const Request& request, Status status) {
  board.ask(request);
  board.expect_error(status);
}

bool is_noised(BenchBoard& board) {
  return (board.session.board().capabilities & Board::kNoised) != 0;
}

}  // namespace

TEST(noise_is_judged_and_changes_nothing_where_it_is_refused) {
  BenchBoard board;
  board.hello();
  refuses(board, noise(), Status::kNoSamples);
  board.provision();
  board.store();
  tells(board, 0, 0);
  refuses(board, noise(0), Status::kBadValue);
  refuses(board, Noise{float_from_bits(0x7FC00000u), kCost, 16, kCost}, Status::kBadValue);
  refuses(board, Noise{-1.0f, kCost, 16, kCost}, Status::kBadValue);
  refuses(board, Noise{1.0f, 0, 16, kCost}, Status::kBadValue);
  refuses(board, Noise{1.0f, kCost, 7, kCost}, Status::kBadValue);
  refuses(board, Noise{1.0f, kCost, 19, kCost}, Status::kBadValue);
  refuses(board, Noise{1.0f, 1, 18, kCost}, Status::kBadValue);
  board.ask(Kind::kNoise, Bytes(Noise::kSize - 1));
  board.expect_error(Status::kBadLength);
  board.has_flash = false;
  refuses(board, noise(), Status::kStorageFailed);
  tells(board, 0, 0);
  CHECK(!is_noised(board));
  board.has_flash = true;
  board.ask(noise());
  CHECK_EQUAL(board.expect<Noised>().budget, 3 * kCost);
  CHECK(is_noised(board));
  CHECK_EQUAL(board.kept.size(), 1u);
  CHECK_EQUAL(board.kept[0].total, 3 * kCost);
}

TEST(noise_waits_for_the_end_of_a_round_and_of_a_plain_delta) {
  BenchBoard board;
  board.ready();
  board.ask(BenchBoard::begin_of(1, BenchBoard::head()));
  board.expect<Accept>();
  refuses(board, noise(), Status::kBusy);
  board.round(1, BenchBoard::head());
  refuses(board, noise(), Status::kBusy);  // a delta that was made without noise waits
  board.release(1);
  board.ask(noise());
  board.expect<Noised>();
}

TEST(noise_a_round_spends_before_its_delta_leaves) {
  Guarded board;
  board.configure();
  for (uint16_t number = 1; number <= 3; ++number) {
    const Done done = board.round(number, BenchBoard::head());
    CHECK_EQUAL(static_cast<int>(done.status), 0);
    CHECK_EQUAL(board.kept.back().spent, number * kCost);
    CHECK_EQUAL(board.pull().size(), kParameters * sizeof(float));
    board.release(number);
  }
  tells(board, 3 * kCost, 3 * kCost);
  refuses(board, BenchBoard::begin_of(4, BenchBoard::head()), Status::kBudgetSpent);
  CHECK_EQUAL(board.kept.size(), 4u);
  // Neither more budget nor a cheaper round than is left helps.
  board.ask(noise(100 * kCost, 5000));
  CHECK_EQUAL(board.expect<Noised>().budget, 3 * kCost);
  refuses(board, BenchBoard::begin_of(4, BenchBoard::head()), Status::kBudgetSpent);
}

TEST(noise_a_delta_that_can_not_be_paid_for_stays) {
  Guarded board;
  board.configure();
  board.has_flash = false;
  const Done done = board.round(1, BenchBoard::head());
  CHECK_EQUAL(static_cast<int>(done.status), static_cast<int>(Status::kStorageFailed));
  board.expect_no_pull();
  tells(board, 3 * kCost, 0);
  board.has_flash = true;
  board.has_entropy = false;
  CHECK_EQUAL(static_cast<int>(board.round(2, BenchBoard::head()).status),
              static_cast<int>(Status::kNoEntropy));
  board.expect_no_pull();
  tells(board, 3 * kCost, 0);
}

TEST(noise_is_another_in_each_round_whatever_the_seed) {
  Guarded board;
  board.configure();
  board.round(1, BenchBoard::head());
  const Bytes first = board.pull();
  board.round(1, BenchBoard::head(0.5f));
  CHECK(board.pull() != first);
  board.round(2, BenchBoard::head());
  CHECK(board.pull() != first);
  CHECK_EQUAL(board.draws, 3u);
}

TEST(noise_is_as_large_as_the_price_says) {
  Guarded board;
  board.configure(1, 2, 6.0f);  // rate / n is 1
  board.round(1, BenchBoard::head());
  const Bytes delta = board.pull();
  double square = 0.0;
  for (size_t i = 0; i < kParameters; ++i) {
    float value;
    std::memcpy(&value, &delta[4 * i], sizeof value);
    square += static_cast<double>(value) * value;
  }
  // The multiplier is sqrt(2^27 / 10^6) = 11.6; six samples of norm 1 at most add no more than 36.
  CHECK(square > 0.2 * kParameters * 134.0 && square < 3.0 * kParameters * 134.0 + 36.0);
}

TEST(noise_or_nothing_once_there_is_a_budget) {
  Guarded board;
  board.hello();
  board.configure();
  refuses(board, BenchBoard::begin_of(1, BenchBoard::head()), Status::kNoNoise);
  board.ask(noise());
  board.expect<Noised>();
  board.configure(2);
  refuses(board, BenchBoard::begin_of(1, BenchBoard::head()), Status::kBadValue);  // two passes
  // Samples that came since have no budget yet, and the round no noise.
  board.configure();
  board.provision();
  board.store();
  tells(board, 0, 0);
  refuses(board, BenchBoard::begin_of(1, BenchBoard::head()), Status::kNoNoise);
  CHECK(!is_noised(board));
}

TEST(noise_withholds_what_depends_on_samples) {
  Guarded board;
  board.ask(Config{0, kPersonal, 1, 2, 0.1f, 9});
  board.take();
  CHECK_EQUAL(board.store().crc, 0u);
  const Result trained = board.measured_round(1, BenchBoard::head());
  CHECK_EQUAL(trained.num_examples, 6);
  CHECK(float_bits(trained.loss) == 0 && trained.correct == 0 && trained.test_correct == 0);
  board.release(1);
  const Result evaluated = board.measured_round(2, BenchBoard::head(), RoundFlag::kStatistics);
  CHECK(float_bits(evaluated.loss) == 0 && evaluated.correct == 0 && evaluated.test_correct == 0);
  CHECK_EQUAL(evaluated.num_examples, 0);
  const auto classify = [](uint8_t mode, uint8_t unknown) {
    return Request{Kind::kClassify, body_of(Classify{0, mode, unknown})};
  };
  refuses(board, classify(0, 1), Status::kWithheld);
  refuses(board, classify(Classify::kPersonal, 0), Status::kUntrained);
  board.wire.link.cable = true;
  refuses(board, {Kind::kRecord, body_of(Record{0, 0})}, Status::kWithheld);
  refuses(board, {Kind::kLevel, {}}, Status::kWithheld);
  board.ask(classify(0, 0));  // a window that is no sample
  board.windows.push_back(Bytes(kInputs, 3));
  board.work();
  CHECK_EQUAL(board.expect<Classified>().threshold, 0);
}

TEST(noise_leaves_nothing_of_before) {
  BenchBoard board(20, 2, true, true);
  board.ready();
  board.ask(Config{0, static_cast<uint8_t>(1 | kPersonal), 1, 2, 0.1f, 9});
  board.take();
  board.measured_round(1, BenchBoard::head());  // leaves an encoding error and a personal head
  board.release(1);
  CHECK(board.session.round() == 1);
  board.ask(noise());
  board.expect<Noised>();
  CHECK_EQUAL(board.session.round(), 0);
  board.ask({Kind::kClassify, body_of(Classify{0, Classify::kPersonal, 0})});
  board.expect_error(Status::kUntrained);
  CHECK(board.session.round_record().guarded);
}

TEST(noise_budget_goes_with_the_samples_alone) {
  const auto lives = [](BenchBoard& board) { return is_noised(board); };
  Guarded board;
  CHECK_EQUAL(board.add(BenchBoard::records(2), 6, 2, 0), 0);
  CHECK(lives(board));
  board.ask(Discard{0, 0, 0});  // all training samples: the test samples are left
  board.expect<Discarded>();
  CHECK(lives(board));
  board.ask(Release{0, 0});
  board.take();
  board.hello(2);
  board.hello(kVisit);
  CHECK(lives(board));
  board.ask(Discard{Discard::kTest, 0, 0});
  board.expect<Discarded>();
  CHECK(!lives(board));
  board.provision();
  CHECK(!lives(board));
  tells(board, 0, 0);

  Guarded anew, erased;
  anew.provision();
  CHECK(!lives(anew));
  erased.session.forget();
  CHECK(!lives(erased));
}

TEST(noise_budget_comes_back_after_a_reset) {
  Guarded board;
  board.configure();
  board.round(1, BenchBoard::head());
  const BudgetRecord kept = board.kept.back();
  const SamplesRecord samples = board.session.samples_record();
  RoundRecord round = board.session.round_record();
  const auto after = [&](BenchBoard& other) {
    other.ready();  // fills the memory that the flash would
    CHECK(other.session.restore(round));
    CHECK(other.session.restore(samples));
    other.session.restore(kept);
    other.hello();
    return other.session.round_record().kept;
  };
  BenchBoard whole, unclean;
  CHECK(after(whole));  // the noisy delta is still there, and paid
  tells(whole, 3 * kCost, kCost);
  round.guarded = false;  // saved before the budget came: what was made without noise is forgotten
  CHECK(!after(unclean));
  tells(unclean, 3 * kCost, kCost);

  const auto with = [&](int set) {
    BenchBoard other;
    other.ready();
    SamplesRecord old = samples;
    old.set = static_cast<uint16_t>(samples.set + set);
    CHECK(other.session.restore(old));
    other.session.restore(kept);
    other.hello();
    other.ask(Noise{0.0f, 0, 0, 0});
    return other.expect<Noised>();
  };
  CHECK_EQUAL(with(1).budget, 0u);  // later samples: the budget was of others
  const Noised older = with(-1);    // earlier samples: power failed before the later ones were saved
  CHECK(older.budget == 3 * kCost && older.spent == 3 * kCost);

  BenchBoard empty;  // no samples: those that come are newer than the budget
  empty.session.restore(kept);
  empty.hello();
  CHECK_EQUAL(empty.add(BenchBoard::records(6), 0, 6, 0), 0);
  tells(empty, 0, 0);
  BenchBoard damaged;
  damaged.ready();
  CHECK(damaged.session.restore(samples));
  damaged.session.restore(BudgetRecord{1, 2, samples.set, 0});
  damaged.hello();
  tells(damaged, 0, 0);
}

// Whichever write is cut short: the store has the budget as it was before, or as it is to be.
TEST(noise_budget_store_survives_a_power_cut_at_any_write) {
  for (int cut = 0; cut < 40; ++cut) {
    Flash flash(6);
    uint32_t known = 0;
    {
      BudgetStore store(flash.device());
      CHECK(store.load() == nullptr);
      flash.left = cut;
      for (uint32_t spent = 1; spent <= 5; ++spent) {
        if (!store.save({100, spent, 7, 0})) break;
        known = spent;
      }
    }
    flash.left = -1;
    BudgetStore again(flash.device());
    const BudgetRecord* const found = again.load();
    const uint32_t spent = found == nullptr ? 0 : found->spent;
    CHECK(spent == known || spent == known + 1);
    CHECK(again.save({100, 50, 7, 0}));
    BudgetStore third(flash.device());
    CHECK(third.load() != nullptr && third.load()->spent == 50);
  }
  CHECK_EQUAL(BudgetStore::rest(Flash(6).device()).pages, 4u);
  BudgetStore none(Flash(2).device());
  CHECK(none.load() == nullptr && !none.save({1, 0, 0, 0}));
}
