#include <algorithm>
#include <random>

#include "bytefed/protocol/transfer.h"
#include "vectors.h"

using namespace bytefed;
using check::Bytes;

namespace {

Bytes ack_of(const ChunkReceiver& receiver, uint8_t transfer = 0) {
  Bytes frame(ChunkReceiver::kMaxAck);
  frame.resize(receiver.pack_ack(transfer, frame.data()));
  return frame;
}

Bytes next_frame(ChunkSender& sender, uint8_t transfer = 0) {
  Bytes frame(kMaxFrame);
  frame.resize(sender.pack_next(transfer, frame.data()));
  sender.sent();
  return frame;
}

bool deliver(ChunkReceiver& receiver, const Bytes& frame) {
  return receiver.receive(unpack_data_header(frame.data()).index, frame.data() + kHeaderSize,
                          frame.size() - kHeaderSize);
}

void answer(ChunkSender& sender, const Bytes& ack) {
  sender.request(unpack_data_header(ack.data()).index, ack.data() + kHeaderSize, ack.size() - kHeaderSize);
}

}  // namespace

TEST(transfer_ack_vectors) {
  for (const auto& fields : vectors::read("acks.txt")) {
    const uint8_t transfer = static_cast<uint8_t>(std::stoi(fields[0]));
    const ChunkPlan plan = {std::stoul(fields[1]), 1, static_cast<uint8_t>(std::stoi(fields[2]))};
    Bytes memory(plan.length);
    ChunkReceiver receiver;
    receiver.start(memory.data(), plan);
    const uint8_t chunk = 1;
    for (int i = 0; i < std::stoi(fields[3]); ++i) {
      CHECK(receiver.receive(static_cast<uint16_t>(i), &chunk, 1));
    }
    if (fields[4] != "-") {
      std::istringstream list(fields[4]);
      for (std::string item; std::getline(list, item, ',');) {
        CHECK(receiver.receive(static_cast<uint16_t>(std::stoi(item)), &chunk, 1));
      }
    }
    CHECK_EQUAL(ack_of(receiver, transfer), vectors::bytes(fields[5]));
  }
}

TEST(transfer_gets_through_any_loss) {
  std::mt19937 rng(3);
  for (int world = 0; world < 400; ++world) {
    const size_t chunk = 1 + rng() % 20, length = 1 + rng() % 900;
    const uint8_t window = static_cast<uint8_t>(1 + rng() % 32);
    const ChunkPlan plan = {length, chunk, window};
    Bytes blob(length), memory(length);
    for (uint8_t& byte : blob) byte = static_cast<uint8_t>(rng());
    ChunkSender sender;
    ChunkReceiver receiver;
    sender.start(blob.data(), plan);
    receiver.start(memory.data(), plan);
    int bursts = 0;
    while (!receiver.complete() && ++bursts < 10000) {
      answer(sender, ack_of(receiver));
      CHECK(sender.pending());
      std::vector<Bytes> burst;
      while (sender.pending()) burst.push_back(next_frame(sender));
      for (size_t i = 0; i < burst.size(); ++i) {
        CHECK_EQUAL(unpack_data_header(burst[i].data()).poll, i + 1 == burst.size());
      }
      std::shuffle(burst.begin(), burst.end(), rng);  // within a window order does not matter
      for (const Bytes& frame : burst) {
        if (rng() % 4 != 0) CHECK(deliver(receiver, frame));
        if (rng() % 8 == 0) deliver(receiver, frame);
      }
    }
    CHECK(receiver.complete());
    CHECK_EQUAL(memory, blob);
  }
}

TEST(transfer_refuses_what_is_not_of_this_window) {
  Bytes memory(10 * 4);
  ChunkReceiver receiver;
  receiver.start(memory.data(), {37, 4, 4});  // ten chunks, the last of one byte
  const uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  CHECK(!receiver.receive(4, data, 4));
  CHECK(!receiver.receive(4095, data, 4));
  CHECK(!receiver.receive(0, data, 3));
  CHECK(!receiver.receive(0, data, 5));
  CHECK(!receiver.receive(0, data, 0));
  for (uint16_t i = 0; i < 8; ++i) CHECK(receiver.receive(i, data, 4));
  CHECK(!receiver.receive(3, data, 4));
  CHECK(!receiver.receive(10, data, 4));
  CHECK(!receiver.receive(9, data, 4));
  CHECK(receiver.receive(9, data, 1));
  CHECK_EQUAL(receiver.first_missing(), 8);
  CHECK(receiver.receive(8, data, 4));
  CHECK(receiver.complete());
  CHECK(!receiver.receive(8, data, 4));
  CHECK_EQUAL(ack_of(receiver), (Bytes{0x80, 10}));
}

TEST(transfer_windows_are_aligned) {
  const Bytes blob(100, 7);
  ChunkSender sender;
  sender.start(blob.data(), {100, 5, 8});  // 20 chunks: windows 0..7, 8..15, 16..19
  for (uint16_t first : {0, 5, 8, 15, 16, 19}) {
    sender.request(first, nullptr, 0);
    uint16_t expected = first;
    while (sender.pending()) {
      CHECK_EQUAL(unpack_data_header(next_frame(sender).data()).index, expected);
      ++expected;
    }
    CHECK_EQUAL(expected, first < 8 ? 8 : first < 16 ? 16 : 20);
  }
  sender.request(20, nullptr, 0);
  CHECK(!sender.pending());
  const uint8_t all[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  sender.request(3, all, sizeof all);
  CHECK(!sender.pending());
  sender.request(3, nullptr, 0);
  sender.stop();
  CHECK(!sender.pending());
}

TEST(transfer_plan_limits) {
  CHECK((ChunkPlan{4095 * 18, 18, 32}).valid());
  CHECK(!(ChunkPlan{4095 * 18 + 1, 18, 32}).valid());
  CHECK(!(ChunkPlan{1, 18, 33}).valid());
  CHECK(!(ChunkPlan{1, 18, 0}).valid());
  CHECK(!(ChunkPlan{0, 18, 1}).valid());
  const ChunkPlan largest = {kMaxChunks * 18, 18, 32};
  CHECK_EQUAL(largest.count(), 4095);
  CHECK_EQUAL(largest.size_of(4094), 18u);
  uint8_t final_ack[kHeaderSize];
  pack(DataHeader{0, false, largest.count()}, final_ack);
  CHECK_EQUAL(unpack_data_header(final_ack).index, largest.count());
}
