// Lanes, masks and codecs of sums, against tests/vectors/masks.txt.
#include "bytefed/codec/rotated.h"
#include "bytefed/protocol/header.h"
#include "bytefed/secure_sum/lanes.h"
#include "bytefed/secure_sum/masks.h"
#include "vectors.h"

using namespace bytefed;
using check::Bytes;

TEST(sums_lanes_are_those_of_the_vectors) {
  int seen = 0;
  for (const auto& line : vectors::read("masks.txt")) {
    if (line[0] != "lanes") continue;
    ++seen;
    const SumScale scale = {static_cast<Codec>(std::stoi(line[1])), static_cast<uint16_t>(std::stoi(line[2])),
                            vectors::float_of(line[3]), static_cast<uint32_t>(std::stoul(line[4]))};
    const size_t count = line.size() - 7;
    std::vector<float> values(padded(count));
    for (size_t i = 0; i < count; ++i) values[i] = vectors::float_of(line[5 + i]);
    Bytes lanes(sum_layout(scale.codec, count, scale.boards, 0).size());
    encode_sum(scale, count, values.data(), lanes.data());
    if (!is_lossy(scale.codec)) std::memcpy(lanes.data(), values.data(), lanes.size());
    CHECK_EQUAL(lanes, vectors::bytes(line.back()));
  }
  CHECK_EQUAL(seen, 12);
}

TEST(masks_are_those_of_the_vectors) {
  Masks masks;
  Mask plan;
  Config config = {};
  uint16_t round = 0;
  int seen = 0;
  for (const auto& line : vectors::read("masks.txt")) {
    if (line[0] == "setup") {
      ++seen;
      const Bytes body = vectors::bytes(line[3]), points = vectors::bytes(line[5]);
      CHECK(unpack(body.data(), body.size(), &plan));
      CHECK(Masks::valid(plan));
      masks.begin(plan, vectors::bytes(line[1]).data());
      CHECK_EQUAL(Bytes(masks.point(), masks.point() + kKeySize), vectors::bytes(line[2]));
      const size_t count = points.size() / kKeySize;
      const uint32_t run = static_cast<uint32_t>(std::stoul(line[4]));
      for (size_t i = 0; i < count; i += Masks::kPeers) {
        CHECK(!masks.ready());
        CHECK(masks.take(i, &points[i * kKeySize], std::min(size_t{Masks::kPeers}, count - i), run));
      }
      CHECK(masks.ready());
    } else if (line[0] == "round") {
      round = static_cast<uint16_t>(std::stoi(line[1]));
      const Bytes body = vectors::bytes(line[4]), head = vectors::bytes(line[5]);
      CHECK(unpack(body.data(), body.size(), &config));
      std::vector<float> values(head.size() / 4);
      std::memcpy(values.data(), head.data(), head.size());
      Noise share = {};
      if (line.size() > 6) {
        const Bytes noise = vectors::bytes(line[6]);
        std::memcpy(&share.cost, noise.data(), sizeof share.cost);
        share.grid = static_cast<uint8_t>(noise.back() & ~kWhole);
      }
      masks.open(round, line[2] == "1", vectors::float_of(line[3]), config,
                 {{1.0f, share.grid}, share.cost, true}, values.data(), values.size());
    } else if (line[0] == "blob") {
      Bytes blob = vectors::bytes(line[2]);
      const SumLayout two = sum_layout(static_cast<Codec>(config.codec_up), 12, plan.boards, 2);
      const SumLayout layout = {two.size() == blob.size() ? size_t{2} : size_t{5}, two.lanes, two.bits};
      masks.hide(round, vectors::bytes(line[1]).data(), layout, blob.data());
      CHECK_EQUAL(blob, vectors::bytes(line[3]));
      CHECK_EQUAL(masks.used(), round);
    } else if (line[0] == "told") {
      const uint16_t survivors = static_cast<uint16_t>(std::stoi(line[1]));
      CHECK(masks.check(survivors) == Status::kOk);
      Bytes keys(kMaskKeySize * masks.keys(survivors));
      masks.tell(survivors, keys.data());
      CHECK_EQUAL(keys, vectors::bytes(line[2]));
    }
  }
  CHECK_EQUAL(seen, 6);
}

TEST(lanes_of_each_width_lie_behind_each_other) {
  for (unsigned bits = 1; bits <= kWidestLane; ++bits) {
    Bytes bytes(40 * bits / 8 + 1, 0xEE);
    LaneWriter writer(bytes.data(), bits);
    for (uint32_t i = 0; i < 40; ++i) writer.put(0x9E3779B9u * (i + bits));
    CHECK_EQUAL(bytes.back(), 0xEE);
    LaneReader reader(bytes.data(), bits);
    for (uint32_t i = 0; i < 40; ++i)
      CHECK_EQUAL(reader.take(), (0x9E3779B9u * (i + bits)) & lane_mask(bits));
  }
}

TEST(masks_are_taken_off_again) {
  for (unsigned bits : {1u, 4u, 7u, 11u, 24u, 32u}) {
    const SumLayout layout = {2, 64, bits};
    Bytes blob(layout.size());
    for (size_t i = 0; i < blob.size(); ++i) blob[i] = static_cast<uint8_t>(37 * i);
    const Bytes before = blob;
    const uint8_t key[kMaskKeySize] = {1, 2, 3}, other[kMaskKeySize] = {1, 2, 4};
    add_mask(key, false, layout, blob.data());
    CHECK(blob != before);
    add_mask(other, true, layout, blob.data());
    add_mask(key, true, layout, blob.data());
    CHECK(blob != before);
    add_mask(other, false, layout, blob.data());
    CHECK_EQUAL(blob, before);
  }
}

TEST(sums_do_not_overflow_their_lanes) {
  struct Row {
    uint8_t codec;
    uint16_t boards;
    unsigned bits;
  };
  const Row rows[] = {{2, 3, 2}, {2, 7, 3},  {2, 8, 4},   {2, 64, 7},     {3, 8, 5},
                      {3, 5, 4}, {1, 8, 11}, {1, 64, 14}, {1, 65535, 24}, {0, 8, 32}};
  for (const Row& row : rows) {
    CHECK_EQUAL(sum_layout(static_cast<Codec>(row.codec), 330, row.boards, 2).bits, row.bits);
  }
  CHECK_EQUAL(sum_layout(static_cast<Codec>(2), 330, 8, 2).size(), 8u + 176);
  CHECK_EQUAL(sum_layout(static_cast<Codec>(0), 330, 8, 5).size(), 20u + 1320);
  CHECK_EQUAL(sum_word(0.9f, 3), 0u);
  CHECK_EQUAL(sum_word(1e30f, 3), 0x55555555u);
}

TEST(sums_lanes_are_the_nearest_levels) {
  for (uint8_t codec = 1; codec < 4; ++codec) {
    const int top = codec == 1 ? 255 : codec == 2 ? 1 : 3;
    float values[64], kept[64];
    for (size_t i = 0; i < 40; ++i) kept[i] = values[i] = 0.01f * static_cast<float>(i * i % 29) - 0.1f;
    const SumScale scale = {static_cast<Codec>(codec), 9, codec == 1 ? 0.004f : 0.2f, 1234};
    const SumLayout layout = sum_layout(scale.codec, 40, 9, 0);
    Bytes lanes(layout.size());
    encode_sum(scale, 40, values, lanes.data());
    // The levels, rotated back, and the encoding error make the values.
    float levels[64];
    LaneReader reader(lanes.data(), layout.bits);
    for (float& level : levels)
      level = scale.step * (2.0f * static_cast<float>(reader.take()) - static_cast<float>(top));
    rotate_back(40, 1234, 1.0f, levels);
    for (size_t i = 0; i < 40; ++i) {
      const float off = levels[i] + values[i] - kept[i];
      CHECK(off < 1e-5f && off > -1e-5f);
      if (codec == 1) CHECK(values[i] < 0.02f && values[i] > -0.02f);
    }
  }
}

TEST(sums_fixed_point_is_rounded_and_bounded) {
  float values[] = {0.0f, 1.0f, -1.0f, 0.375f, -0.375f, 0.626f, 1e30f, -1e30f};
  const SumScale scale = {Codec::kFloat32, 9, 0.25f, 0};
  const float mean = encode_sum(scale, 5, values, nullptr);
  CHECK(mean > 0.549f && mean < 0.551f);
  const int32_t wanted[] = {0, 4, -4, 2, -1};
  CHECK(std::memcmp(values, wanted, sizeof wanted) == 0);
  encode_sum(scale, 2, values + 6, nullptr);
  const int32_t bounds[] = {1 << 27, -(1 << 27)};
  CHECK(std::memcmp(values + 6, bounds, sizeof bounds) == 0);
}
