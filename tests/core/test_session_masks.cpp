// MASK, PEERS, UNMASK, and rounds with masks: sums of several boards, and what single boards keep to
// themselves.
#include "bench_sum.h"

using namespace bench;

namespace {

// The words and lanes that a member would send without masks, found by a twin whose delta is told plainly.
std::vector<uint32_t> plain(unsigned place, uint8_t codec, uint16_t boards, uint16_t round, bool statistics) {
  Member twin(place);
  twin.plans(config_of(0, 9u + place));
  twin.ask(BenchBoard::next_of(round, BenchBoard::head(), BenchBoard::head(), kBoth));
  const Result result = twin.expect<Result>();
  float values[64] = {};
  std::memcpy(values, twin.tail.data(), twin.tail.size());
  const float weight = static_cast<float>(result.num_examples) / 6.0f;
  for (size_t i = 0; i < kParameters; ++i) values[i] = values[i] * weight + 0.0f;
  const SumLayout layout = sum_layout(static_cast<Codec>(codec), kParameters, boards, statistics ? 5 : 2);
  Bytes blob(layout.size());
  const SumScale scale = {static_cast<Codec>(codec), boards, kStep, uplink_seed(0, round)};
  const float mean = encode_sum(scale, kParameters, values, blob.data() + 4 * layout.words);
  if (codec == 0) std::memcpy(blob.data() + 4 * layout.words, values, 4 * kParameters);
  const uint32_t words[] = {result.num_examples, sum_word(mean * (4096.0f / kStep), boards),
                            sum_word(result.loss * static_cast<float>(result.num_examples) * 256.0f, boards),
                            result.correct, result.test_correct};
  std::memcpy(blob.data(), words, 4 * layout.words);
  return numbers(blob, layout);
}

void is_exact(uint8_t codec, uint16_t survivors, bool statistics) {
  constexpr uint16_t kBoards = 5, kRound = 3;
  const uint8_t flags = statistics ? kBoth : static_cast<uint8_t>(RoundFlag::kTrain);
  Sum sum(kBoards, codec);
  std::vector<Bytes> blobs;
  for (const auto& member : sum.members) {
    blobs.push_back(member->blob(kRound, BenchBoard::head(), kStep, flags));
  }
  const SumLayout layout = sum_layout(static_cast<Codec>(codec), kParameters, kBoards, statistics ? 5 : 2);
  Bytes total = summed(blobs, survivors, layout);
  sum.unmask(kRound, survivors, layout, &total);
  const std::vector<uint32_t> found = numbers(total, layout);
  std::vector<uint32_t> wanted(found.size());
  for (uint16_t i = 0; i < kBoards; ++i) {
    if ((survivors >> i & 1u) == 0) continue;
    const std::vector<uint32_t> own = plain(i, codec, kBoards, kRound, statistics);
    CHECK(numbers(blobs[i], layout) != own);
    for (size_t j = 0; j < wanted.size(); ++j) wanted[j] += own[j];
  }
  CHECK(found == wanted);
}

// Whether the masks of three boards cancel, when the last one is asked for something else.
bool cancels(const Request& request, const Request& other, const Mask& last_plan = plan_of(3),
             const Config& last_config = config_of(2)) {
  Sum sum(3, 2);
  Member& last = *sum.members[2];
  last.mask(last_plan);
  last.peers(0, joined(sum.points[0], sum.points[1]));
  last.draws = 40;
  last.plans(last_config);
  const Bytes point = last.mask(last_plan);
  sum.points[2] = point;
  sum.members[0]->peers(1, point);
  sum.members[1]->peers(1, point);
  std::vector<Bytes> blobs;
  for (size_t i = 0; i < 3; ++i) {
    sum.members[i]->ask(i < 2 ? request : other);
    blobs.push_back(sum.members[i]->done(static_cast<uint8_t>(request.kind) & kBoth));
  }
  if (blobs[2].size() != blobs[0].size()) return false;
  const SumLayout layout = sum_layout(static_cast<Codec>(2), kParameters, 3, 2);
  Bytes total = summed(blobs, 7, layout);
  for (const auto& member : sum.members) {
    const uint16_t round = member->session.round();
    add_mask(member->unmask(round, 3).data(), true, layout, total.data());
  }
  // A onebit lane of three boards is 3 at most; what does not cancel is anything, in lanes and in words.
  return numbers(total, layout)[0] == 4 + 5 + 6;
}

// A board with masks, and the points that it got.
struct Masked : Member {
  explicit Masked(uint8_t codec = 0, uint8_t limit = 250, bool noisy = false) : Member(7, limit) {
    plans(config_of(codec));
    if (noisy) {
      ask(Noise{1.0f, 1000000, 16, 3000000});
      expect<Noised>();
    }
    mask(plan_of(3));
    for (unsigned i = 0; i < 2; ++i) peers(static_cast<uint8_t>(i), Member(i).mask(plan_of(3)));
  }
};

}  // namespace

TEST(masks_sums_are_exact) {
  for (uint8_t codec = 0; codec < 4; ++codec) {
    is_exact(codec, 0x1F, false);
    is_exact(codec, 0x1F, true);
  }
}

TEST(masks_sums_are_exact_whoever_is_lost) {
  for (uint16_t survivors : {0x07, 0x1C, 0x15, 0x1E, 0x0F}) {
    is_exact(0, survivors, true);
    is_exact(2, survivors, false);
    is_exact(1, survivors, false);
  }
}

TEST(masks_cancel_only_where_all_boards_do_the_same) {
  const Bytes head = BenchBoard::head();
  const Request usual = masked_next(2, head);
  CHECK(cancels(usual, usual));
  CHECK(cancels(usual, usual, plan_of(3, 2)));                    // another number of the setup
  CHECK(cancels(usual, usual, plan_of(3), config_of(2, 12345)));  // another seed
  CHECK(!cancels(usual, masked_next(3, head)));
  CHECK(!cancels(usual, masked_next(2, BenchBoard::head(0.5f))));
  CHECK(!cancels(usual, masked_next(2, head, 2 * kStep)));
  CHECK(!cancels(usual, usual, Mask{1, 3, 7, 3}));
  Config slower = config_of(2);
  slower.rate = 0.0f;
  CHECK(!cancels(usual, usual, plan_of(3), slower));
  Config longer = config_of(2);
  longer.epochs = 2;
  CHECK(!cancels(usual, usual, plan_of(3), longer));
}

TEST(masks_setup_is_judged) {
  Member board(1);
  board.refuses_peers(0, Bytes(32, 9), Status::kNoMasks);
  board.refuses_unmask(1, 0, Status::kNoMasks);
  const Mask wrong[] = {{1, 2, 6, 3}, {1, 3, 0, 3}, {1, 3, 6, 2}, {1, 3, 6, 4}, {1, 60, 6, 16}, {1, 0, 6, 3}};
  for (const Mask& plan : wrong) board.refuses({Kind::kMask, body_of(plan)}, Status::kBadValue);
  board.refuses({Kind::kMask, Bytes(Mask::kSize - 1)}, Status::kBadLength);
  board.has_entropy = false;
  board.refuses({Kind::kMask, body_of(plan_of(3))}, Status::kNoEntropy);
  CHECK(!board.session.round_record().masked);
  board.has_entropy = true;
  const Bytes point = board.mask(plan_of(3));
  CHECK_EQUAL(board.mask(plan_of(3)), point);  // the same again
  CHECK(board.mask(plan_of(3, 2)) != point);
  const Bytes own = board.mask({2, 3, 6, 3}), other = Member(2).mask(plan_of(3));
  board.refuses_peers(0, {}, Status::kBadLength);
  board.refuses_peers(0, Bytes(33, 9), Status::kBadLength);
  board.refuses_peers(0, own, Status::kBadValue);
  board.refuses_peers(2, other, Status::kBadValue);
  board.refuses_peers(255, other, Status::kBadValue);
  board.refuses_peers(1, joined(other, other), Status::kBadValue);
  board.refuses_peers(0, joined(other, Bytes(32)), Status::kBadValue);  // of low order: nothing is taken
  board.peers(1, other);
  CHECK(!is_masked(board));
  board.peers(0, other);
  CHECK(is_masked(board));
  board.mask(plan_of(3, 9));
  CHECK(!is_masked(board));
  Member narrow(1, 34);
  narrow.refuses({Kind::kMask, body_of(plan_of(3))}, Status::kTooLarge);
}

TEST(masks_neighbours_are_at_most_fourteen) {
  Member board(1);
  board.plans(config_of(2));
  board.mask({1, 1000, 6, 15});
  Bytes points;
  for (unsigned i = 0; i < 7; ++i) points = joined(points, Member(i + 2).mask(plan_of(3)));
  board.peers(0, points);
  board.refuses_peers(8, points, Status::kBadValue);
  CHECK(!is_masked(board));
  board.peers(7, points);
  CHECK(is_masked(board));
  board.blob(1, BenchBoard::head());
  board.refuses_unmask(1, 0x4000, Status::kBadValue);
  board.refuses_unmask(1, 0x1FFF, Status::kTooFew);
  CHECK_EQUAL(board.unmask(1, 0x3FFF).size(), kMaskKeySize);
}

TEST(masks_are_told_once_for_a_round) {
  Masked board;
  board.refuses_unmask(1, 3, Status::kBusy);
  board.ask(masked_next(4, BenchBoard::head()));
  board.done();
  board.refuses_unmask(3, 3, Status::kStaleRound);
  board.refuses_unmask(5, 3, Status::kBadValue);
  board.refuses_unmask(4, 4, Status::kBadValue);
  board.refuses_unmask(4, 1, Status::kTooFew);
  const Bytes keys = board.unmask(4, 3);
  CHECK_EQUAL(keys.size(), kMaskKeySize);
  CHECK_EQUAL(board.unmask(4, 3), keys);
  board.release(4);
  board.refuses_unmask(4, 3, Status::kBusy);
  Sum sum(4);
  for (const auto& member : sum.members) member->blob(1, BenchBoard::head());
  Member& first = *sum.members[0];
  const Bytes pair = first.unmask(1, 5);
  CHECK_EQUAL(pair.size(), 2 * kMaskKeySize);
  first.refuses_unmask(1, 6, Status::kMasksUsed);
  first.refuses_unmask(1, 7, Status::kMasksUsed);
  CHECK_EQUAL(first.unmask(1, 5), pair);
  for (const auto& member : sum.members) member->blob(2, BenchBoard::head());
  CHECK_EQUAL(first.unmask(2, 7).size(), kMaskKeySize);
}

TEST(masks_keys_that_do_not_fit_a_frame_are_not_told) {
  Sum sum(4);
  Member& board = *sum.members[0];
  board.blob(1, BenchBoard::head());
  board.hello(1, 33);
  board.refuses_unmask(1, 3, Status::kTooLarge);
  CHECK_EQUAL(board.unmask(1, 7).size(), kMaskKeySize);
}

TEST(masks_a_blob_stays_as_it_is_and_its_round_is_over) {
  Masked board;
  const Bytes blob = board.blob(1, BenchBoard::head());
  board.ask(masked_next(1, BenchBoard::head()));
  CHECK_EQUAL(board.done(), blob);
  board.hello();
  board.plans(config_of(0));
  board.ask(masked_next(1, BenchBoard::head()));
  CHECK_EQUAL(board.done(), blob);
  board.poll();
  CHECK_EQUAL(board.done(), blob);
  board.refuses(masked_next(1, BenchBoard::head(), 2 * kStep), Status::kMasksUsed);
  board.refuses(masked_next(1, BenchBoard::head(0.5f)), Status::kMasksUsed);
  board.ask(BenchBoard::with_config(masked_next(1, BenchBoard::head()), config_of(0)));
  board.take();  // whatever it says to a request whose CONFIG stands before the step, it is no other blob
  board.release(1);
  board.refuses(masked_next(1, BenchBoard::head()), Status::kMasksUsed);
  const Bytes more = BenchBoard::records(2);
  board.ask(BenchBoard::add_of(more, board.session.store().count(Split::kTrain), 2, 0));
  board.expect<Added>();
  board.push(more);
  CHECK_EQUAL(board.final_status(), 0);
  board.store();
  board.refuses(masked_next(1, BenchBoard::head()), Status::kMasksUsed);
  CHECK(board.blob(2, BenchBoard::head()) != blob);
}

TEST(masks_or_nothing) {
  Member board(1);
  board.plans(config_of(0));
  board.mask(plan_of(3));
  const Bytes head = BenchBoard::head();
  board.refuses(BenchBoard::next_of(1, head), Status::kNoMasks);
  board.refuses(BenchBoard::begin_of(1, head), Status::kNoMasks);
  for (uint8_t i = 0; i < 2; ++i) board.peers(i, Member(i + 2u).mask(plan_of(3)));
  // A plain request: what stands where the step should is none.
  board.refuses(BenchBoard::next_of(1, head, {}), Status::kBadLength);
  board.refuses(BenchBoard::next_of(1, head), Status::kBadLength);
  board.refuses(BenchBoard::begin_of(1, head), Status::kBadLength);
  board.refuses(masked_next(1, head, 0.0f), Status::kBadValue);
  board.refuses(masked_next(1, head, float_from_bits(0x7FC00000u)), Status::kBadValue);
  board.refuses(masked_next(1, head, -kStep), Status::kBadValue);
  for (uint8_t codec : {4, 5, 6}) {
    board.plans(config_of(codec));
    board.refuses(masked_next(1, head), Status::kUnknownCodec);
  }
  board.plans(config_of(0));
  board.blob(1, head);
  board.release(1);
  // Neither another session nor the loss of the setup ends it; another run does.
  board.hello();
  board.plans(config_of(0));
  board.refuses(BenchBoard::next_of(2, head, {}), Status::kBadLength);
  board.release(0);
  board.refuses(BenchBoard::next_of(1, head), Status::kNoMasks);
  CHECK(!is_masked(board));
  board.hello(2);
  board.plans(config_of(0));
  board.ask(BenchBoard::next_of(1, head));
  board.expect<Done>();
  CHECK_EQUAL(board.tail.size(), kParameters * sizeof(float));
}

TEST(masks_what_comes_in_the_middle_of_training_changes_nothing) {
  for (int way = 0; way < 4; ++way) {
    Masked board, whole;
    const Bytes blob = whole.blob(1, BenchBoard::head());
    Request request = masked_next(1, BenchBoard::head());
    board.give(board.control(request.kind, ++board.sequence, request.body));
    board.session.poll();  // one step of several
    CHECK_EQUAL(static_cast<int>(board.session.state()), static_cast<int>(State::kTraining));
    switch (way) {
      case 0: board.give(board.control(Kind::kConfig, ++board.sequence, body_of(config_of(4)))); break;
      case 1:
        board.give(board.control(Kind::kHello, ++board.sequence, body_of(Hello{2, 2, 1, 5, 250})));
        break;
      case 2: board.refuses({Kind::kMask, body_of(plan_of(3, 2))}, Status::kBusy); break;
      default: board.refuses_peers(0, Bytes(32, 9), Status::kBusy); break;
    }
    board.work();
    board.wire.sent.clear();
    if (way == 1) board.plans(config_of(0));
    board.ask(request);
    CHECK_EQUAL(board.done(), blob);
  }
}

TEST(masks_are_of_the_codec_that_was_judged) {
  for (const uint8_t later : {1, 3, 4, 6}) {  // wider lanes, and codecs without sums
    Masked board(0, 60);
    const Bytes head = BenchBoard::head();
    const float step = kStep;
    Bytes between(sizeof step);
    std::memcpy(between.data(), &step, sizeof step);
    Request request = BenchBoard::begin_of(1, head);
    request.body = joined(request.body, between);
    board.ask(request);
    board.expect<Accept>();
    const uint8_t begun = board.sequence;
    board.plans(config_of(later));
    board.sequence = begun;
    board.push(head);
    board.take();
    board.expect<Done>();
    CHECK_EQUAL(board.session.round_record().delta_codec == Codec::kFloat32, true);
  }
}

TEST(masks_withhold_the_statistics_of_before) {
  Member board(1);
  const Request evaluation =
      BenchBoard::next_of(1, BenchBoard::head(), BenchBoard::head(), RoundFlag::kStatistics);
  board.ask(evaluation);
  CHECK(board.expect<Result>().test_correct != 0);
  board.mask(plan_of(3));
  board.ask(evaluation);  // the same again: what it brings comes from before
  CHECK_EQUAL(board.expect<Result>().test_correct, 0);
}

TEST(masks_are_refused_in_a_visit) {
  Member board(1);
  board.hello(0);
  board.refuses({Kind::kMask, body_of(plan_of(3))}, Status::kBusy);
  CHECK(!board.session.round_record().masked);
}

TEST(masks_leave_word_of_other_samples) {
  Masked board;
  board.blob(1, BenchBoard::head(), kStep, kBoth);
  board.release(1);
  const Bytes more = board.records(1, kFeatures, 5);
  const uint16_t held = board.session.store().count(Split::kTrain);
  board.ask(board.add_of(more, held, 1, 0));
  board.expect<Added>();
  board.push(more);
  board.take();
  board.ask(masked_next(2, BenchBoard::head(), kStep, kBoth));
  CHECK_EQUAL(static_cast<int>(board.expect<Result>().status), static_cast<int>(Status::kOtherSamples));
}

TEST(masks_hide_noisy_deltas_too_by_the_plan_that_they_began_with) {
  Masked board(0, 250, true), whole(0, 250, true);
  const Bytes blob = whole.blob(1, BenchBoard::head(), kStep, kBoth);
  CHECK_EQUAL(blob.size(), 20 + 4 * kParameters);
  const Request request = masked_next(1, BenchBoard::head(), kStep, kBoth);
  board.give(board.control(request.kind, ++board.sequence, request.body));
  board.session.poll();
  Config still = config_of(0);
  still.rate = 0.0f;
  board.give(board.control(Kind::kConfig, ++board.sequence, body_of(still)));
  board.work();
  board.wire.sent.clear();
  board.ask(request);
  CHECK_EQUAL(board.done(kBoth), blob);
  // A first budget begins the run anew: without the seeds, but masked.
  Masked late;
  late.ask(Noise{1.0f, 1000000, 16, 3000000});
  late.expect<Noised>();
  late.refuses(masked_next(1, BenchBoard::head()), Status::kNoMasks);
}

TEST(masks_a_delta_from_before_waits) {
  Member board(1);
  board.plans(config_of(0));
  board.ask(BenchBoard::next_of(1, BenchBoard::head()));
  board.expect<Done>();
  board.refuses({Kind::kMask, body_of(plan_of(3))}, Status::kBusy);
  board.release(1);
  board.mask(plan_of(3));
  Masked masked;
  masked.blob(1, BenchBoard::head());
  masked.refuses({Kind::kMask, body_of(plan_of(3, 2))}, Status::kBusy);
  masked.refuses_peers(0, Bytes(32, 9), Status::kBusy);
}

TEST(masks_statistics_are_never_told_plainly) {
  Masked board;
  board.blob(1, BenchBoard::head(), kStep, kBoth);
  board.release(1);
  board.ask(BenchBoard::next_of(2, BenchBoard::head(), {}, RoundFlag::kStatistics));
  const Result result = board.expect<Result>();
  CHECK_EQUAL(result.num_examples + result.correct + result.test_correct, 0);
  CHECK_EQUAL(board.tail.size(), 0u);
  // Personal heads are not made, whether the round trains or not.
  board.plans(config_of(kPersonal));
  board.ask(BenchBoard::next_of(3, BenchBoard::head(), {}, RoundFlag::kStatistics));
  CHECK_EQUAL(board.expect<Result>().correct, 0);
  board.blob(4, BenchBoard::head(), kStep, kBoth);
  board.ask(Classify{0, Classify::kPersonal, 0});
  board.expect_error(Status::kUntrained);
  board.ask(Classify{0, 0, 5});
  board.expect_error(Status::kWithheld);
  board.wire.link.cable = true;
  board.ask(Record{0, 0});
  board.expect_error(Status::kWithheld);
  board.ask(Kind::kLevel);
  board.expect_error(Status::kWithheld);
}

TEST(masks_forget_a_personal_head_from_before) {
  Member board(1);
  board.plans(config_of(kPersonal));
  board.ask(BenchBoard::next_of(1, BenchBoard::head(), BenchBoard::head(), kBoth));
  board.expect<Result>();
  board.release(1);
  CHECK(board.session.round_record().has_personal);
  board.mask(plan_of(3));
  CHECK(!board.session.round_record().has_personal);
}

TEST(masks_without_randomness_there_is_no_blob) {
  Masked board;
  board.has_entropy = false;
  board.ask(masked_next(1, BenchBoard::head()));
  CHECK_EQUAL(static_cast<int>(board.expect<Done>().status), static_cast<int>(Status::kNoEntropy));
  CHECK_EQUAL(board.tail.size(), 0u);
  board.refuses_unmask(1, 3, Status::kBusy);
  board.has_entropy = true;
  board.ask(masked_next(2, BenchBoard::head()));
  board.done();
}

TEST(masks_a_sum_that_memory_has_no_room_for) {
  Member board(1);
  board.plans(config_of(1));
  board.mask({1, 65535, 6, 3});
  for (uint8_t i = 0; i < 14; ++i) board.peers(i, Member(i % 6 + 2u).mask(plan_of(3)));
  board.refuses(masked_next(1, BenchBoard::head()), Status::kTooLarge);
  board.plans(config_of(0));
  board.blob(1, BenchBoard::head());
}

TEST(masks_error_feedback_goes_on) {
  Masked counted(2), lost(2);
  const Bytes head = BenchBoard::head();
  counted.blob(1, head);
  lost.blob(1, head);
  counted.ask(masked_next(2, head));
  lost.ask(masked_next(2, head, kStep, RoundFlag::kTrain | RoundFlag::kUncounted));
  // The same masks but for the own one, which is the same on this bench: what differs is what error feedback
  // brought in.
  CHECK(counted.done() != lost.done());
}

TEST(masks_a_power_cut_ends_the_round_but_not_the_masked_run) {
  Masked board;
  board.blob(1, BenchBoard::head());
  const RoundRecord record = board.session.round_record();
  CHECK(record.masked && !record.kept);
  CHECK_EQUAL(static_cast<int>(record.state), static_cast<int>(State::kIdle));
  Member again(7);
  CHECK(again.session.restore(record));
  again.plans(config_of(0));
  CHECK_EQUAL(again.session.round(), 1);
  again.refuses(masked_next(1, BenchBoard::head()), Status::kNoMasks);
  again.refuses_unmask(1, 3, Status::kNoMasks);
  again.mask(plan_of(3));
  for (uint8_t i = 0; i < 2; ++i) again.peers(i, Member(i).mask(plan_of(3)));
  again.blob(1, BenchBoard::head());
}

TEST(masks_travel_in_chunks_too) {
  Masked board(0, 60);
  const Bytes head = BenchBoard::head();
  Request request = BenchBoard::begin_of(1, head);
  const float step = kStep;
  Bytes between(sizeof step);
  std::memcpy(between.data(), &step, sizeof step);
  request.body = joined(request.body, between);
  board.ask(request);
  CHECK_EQUAL(static_cast<int>(board.expect<Accept>().state), 1);
  board.push(head);
  board.take();
  board.expect<Done>();
  Masked whole;
  const Bytes blob = whole.blob(1, head);
  CHECK_EQUAL(board.session.round(), 1);
  board.ask(Get{0, 2});
  Bytes pulled;
  for (Bytes frame = board.take(); frame.size() > kHeaderSize; frame = board.take()) {
    pulled.insert(pulled.end(), frame.begin() + kHeaderSize, frame.end());
  }
  CHECK_EQUAL(pulled, blob);
}
