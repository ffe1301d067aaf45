// LABEL and DISCARD: the number and names of labels, and samples that are forgotten.
#include <string>

#include "bench_board.h"

using namespace bench;

namespace {

Bytes label_body(uint8_t index, uint8_t count, const std::string& name = "") {
  return joined(body_of(Label{index, count}), Bytes(name.begin(), name.end()));
}

Labelled set(BenchBoard& board, uint8_t index, uint8_t count, const std::string& name = "") {
  board.ask(Kind::kLabel, label_body(index, count, name));
  return board.expect<Labelled>();
}

void refused(BenchBoard& board, const Bytes& body, Status status) {
  board.ask(Kind::kLabel, body);
  board.expect_error(status);
}

// Records that all have this label.
Bytes records_of(uint8_t label, uint16_t count) {
  Bytes records = BenchBoard::records(count);
  for (size_t i = 0; i < count; ++i) records[i * (1 + kFeatures)] = label;
  return records;
}

std::string name_in(const BenchBoard& board) {
  return std::string(board.tail.begin(), board.tail.end());
}

}  // namespace

TEST(resize_head_keeps_the_columns_that_both_shapes_have) {
  float head[(3 + 1) * 4] = {1, 2, 3, 4, 5, 6, 7, 8};  // three features and the biases, two classes
  resize_head(head, {3, 2}, {3, 4});
  const float grown[] = {1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 0, 0, 7, 8, 0, 0};
  CHECK(std::memcmp(head, grown, sizeof grown) == 0);
  resize_head(head, {3, 4}, {3, 3});
  const float shrunk[] = {1, 2, 0, 3, 4, 0, 5, 6, 0, 7, 8, 0};
  CHECK(std::memcmp(head, shrunk, sizeof shrunk) == 0);
  resize_head(head, {3, 3}, {3, 2});
  const float again[] = {1, 2, 3, 4, 5, 6, 7, 8};
  CHECK(std::memcmp(head, again, sizeof again) == 0);
}

TEST(labels_are_set_and_told) {
  BenchBoard board;
  board.hello();
  CHECK_EQUAL(set(board, 0, 0).count, kClasses);
  CHECK(name_in(board).empty());
  CHECK_EQUAL(board.session.board().capabilities & Board::kLabelled, 0);
  set(board, 1, kClasses, "standing");
  CHECK(name_in(board) == "standing");
  CHECK(board.session.board().capabilities & Board::kLabelled);
  set(board, 0, kClasses, "exactly 12 b");
  set(board, 1, 0);
  CHECK(name_in(board) == "standing");
  set(board, 0, 0);
  CHECK(name_in(board) == "exactly 12 b");
  const uint32_t changes = board.session.round_changes();
  const Labelled told = set(board, 1, kClasses, "run");  // a shorter name leaves nothing of the longer one
  CHECK(name_in(board) == "run");
  CHECK(board.session.round_changes() != changes);  // it is to be saved
  CHECK_EQUAL(told.most, kMostClasses);
  CHECK_EQUAL(told.train, 0);
}

TEST(a_board_that_forgets_forgets_its_labels_names) {
  BenchBoard board;
  board.hello();
  set(board, 0, kMostClasses, "private");
  board.session.forget();
  CHECK_EQUAL(board.session.board().capabilities & Board::kLabelled, 0);
  CHECK_EQUAL(board.session.board().classes, kClasses);
  set(board, 0, 0);
  CHECK(name_in(board).empty());
}

// The newest round in flash is damaged, and the one before it has fewer labels than the samples.
TEST(a_delta_that_lacks_a_label_of_the_samples_is_none) {
  BenchBoard before;
  before.ready();
  before.round(1, BenchBoard::head());
  const RoundRecord round = before.session.round_record();
  CHECK(round.kept);
  before.release(1);
  set(before, 2, kMostClasses, "new");
  CHECK_EQUAL(before.add(records_of(2, 1), 6, 1, 0), 0);
  BenchBoard after;
  std::memcpy(after.samples(), before.samples(), kCapacity * SampleStore::record_size(kFeatures));
  CHECK(after.session.restore(round));
  CHECK(after.session.holds_delta());
  CHECK(after.session.restore(before.session.samples_record()));
  CHECK_EQUAL(after.session.board().classes, kMostClasses);
  CHECK(!after.session.holds_delta());
}

TEST(a_label_tells_how_many_samples_it_has) {
  BenchBoard board;
  board.hello();
  board.add(BenchBoard::records(7), 0, 7, Add::kAnew);
  board.add(BenchBoard::records(4), 0, 4, Add::kTest);
  const Labelled first = set(board, 0, 0), second = set(board, 1, 0);
  CHECK_EQUAL(first.train, 4);
  CHECK_EQUAL(second.train, 3);
  CHECK_EQUAL(first.test, 2);
  CHECK_EQUAL(second.test, 2);
}

TEST(labels_are_judged) {
  BenchBoard board;
  board.hello();
  refused(board, Bytes(1, 0), Status::kBadLength);
  refused(board, label_body(kClasses, 0), Status::kBadValue);
  refused(board, label_body(0, 1, "a"), Status::kBadValue);
  refused(board, label_body(0, kMostClasses + 1, "a"), Status::kBadValue);
  refused(board, label_body(kClasses, kClasses, "a"), Status::kBadValue);
  refused(board, label_body(0, kClasses, "more than 12!"), Status::kBadValue);
  refused(board, label_body(0, kClasses, std::string("a\0b", 3)), Status::kBadValue);
  set(board, 2, 3, "three");
  board.add(records_of(2, 4), 0, 4, Add::kAnew | Add::kTest);
  refused(board, label_body(0, 2, "a"), Status::kBadLabel);
  CHECK_EQUAL(set(board, 0, 0).count, 3);
}

TEST(a_label_more_leaves_head_and_residual_as_they_were) {
  BenchBoard board;
  board.hello();
  board.add(BenchBoard::records(6), 0, 6, Add::kAnew);
  board.configure();
  Bytes head(4 * kParameters);
  for (size_t i = 0; i < head.size(); ++i) head[i] = static_cast<uint8_t>(i & 0x3F);
  board.round(1, head);
  board.release(1);
  const uint32_t changes = board.session.round_changes();
  CHECK_EQUAL(set(board, 2, 3, "new").count, 3);
  CHECK(board.session.round_changes() != changes);  // it is to be saved
  CHECK_EQUAL(board.session.round(), 1);            // the run goes on
  const float* const global = board.session.global_head();
  for (size_t row = 0; row <= kFeatures; ++row) {
    CHECK(std::memcmp(global + 3 * row, head.data() + 4 * 2 * row, 8) == 0);
    CHECK(global[3 * row + 2] == 0.0f);
  }
  CHECK_EQUAL(board.session.board().classes, 3);
  CHECK_EQUAL(board.store().head, crc32(global, 4 * 3 * (kFeatures + 1)));
  // Samples of the new label are taken, and a round of the larger head is trained.
  board.add(records_of(2, 3), 6, 3, 0);
  CHECK_EQUAL(set(board, 2, 0).train, 3);
}

TEST(labels_wait_for_the_end_of_a_round) {
  BenchBoard board;
  board.hello();
  board.add(BenchBoard::records(6), 0, 6, Add::kAnew);
  board.configure();
  board.round(1, Bytes(4 * kParameters, 0));
  refused(board, label_body(2, 3, "new"), Status::kBusy);  // a delta waits
  board.release(1);
  CHECK_EQUAL(set(board, 2, 3, "new").count, 3);
}

TEST(discard_forgets_the_last_samples_of_a_split) {
  BenchBoard board;
  board.hello();
  board.add(BenchBoard::records(7), 0, 7, Add::kAnew);
  board.add(BenchBoard::records(4), 0, 4, Add::kTest);
  const Bytes third(board.session.store().get(Split::kTrain, 2).features,
                    board.session.store().get(Split::kTrain, 2).features + kFeatures);
  board.ask(Discard{0, 0, 6});
  CHECK_EQUAL(board.expect<Discarded>().train, 6);
  board.ask(Discard{0, 0, 6});  // the same again changes nothing
  const Discarded again = board.expect<Discarded>();
  CHECK_EQUAL(again.train, 6);
  CHECK_EQUAL(again.test, 4);
  board.ask(Discard{Discard::kTest, 0, 1});
  CHECK_EQUAL(board.expect<Discarded>().test, 1);
  CHECK(std::memcmp(board.session.store().get(Split::kTrain, 2).features, third.data(), kFeatures) == 0);
  board.ask(Discard{4, 0, 0});
  board.expect_error(Status::kBadValue);
  board.ask(Kind::kDiscard, Bytes(3, 0));
  board.expect_error(Status::kBadLength);
}

TEST(discard_forgets_a_label_and_keeps_the_order_of_the_rest) {
  BenchBoard board;
  board.hello();
  const Bytes records = BenchBoard::records(8);
  board.add(records, 0, 8, Add::kAnew);
  board.add(BenchBoard::records(3), 0, 3, Add::kTest);
  board.ask(Discard{Discard::kLabel, 1, 0});
  const Discarded left = board.expect<Discarded>();
  CHECK_EQUAL(left.train, 4);
  CHECK_EQUAL(left.test, 2);
  for (uint16_t i = 0; i < 4; ++i) {
    const Sample sample = board.session.store().get(Split::kTrain, i);
    CHECK_EQUAL(sample.label, 0);
    CHECK(std::memcmp(sample.features, records.data() + (2 * i) * (1 + kFeatures) + 1, kFeatures) == 0);
  }
}

TEST(a_round_that_has_begun_keeps_its_samples) {
  BenchBoard board;
  board.ready();
  board.ask(BenchBoard::begin_of(1, BenchBoard::head()));
  board.expect<Accept>();
  board.ask(Discard{0, 0, 0});
  board.expect_error(Status::kBusy);
}

TEST(an_add_that_was_discarded_can_come_again) {
  BenchBoard board;
  board.hello();
  const Bytes records = BenchBoard::records(4);
  CHECK_EQUAL(board.add(records, 0, 4, Add::kAnew), 0);
  board.ask(Discard{0, 0, 0});
  board.expect<Discarded>();
  CHECK_EQUAL(board.add(records, 0, 4, Add::kAnew), 0);
  CHECK_EQUAL(board.store().train, 4);
}
