// The front end for sound: golden vectors, any division of the stream, and formats and tables that do not
// fit.
#include "bytefed/sound/integer_math.h"
#include "bytefed/sound/log_mel.h"
#include "vectors.h"

using namespace bytefed;

namespace {

template <typename Number>
std::vector<Number> numbers(const std::vector<std::string>& line) {
  std::vector<Number> all;
  for (size_t i = 1; i < line.size(); ++i) all.push_back(static_cast<Number>(std::stol(line[i])));
  return all;
}

// A sound of sound.txt with its features, and the format and tables above it.
struct Heard {
  SoundFormat format;
  std::vector<int16_t> tables, samples;
  std::vector<uint16_t> features;
};

std::vector<Heard> all_heard() {
  std::vector<Heard> all;
  Heard next = {{0, 0, 0}, {}, {}, {}};
  for (const auto& line : vectors::read("sound.txt")) {
    if (line[0] == "format") {
      const auto sizes = numbers<uint16_t>(line);
      next.format = {sizes[0], sizes[1], static_cast<uint8_t>(sizes[2])};
    }
    if (line[0] == "tables") next.tables = numbers<int16_t>(line);
    if (line[0] == "samples") next.samples = numbers<int16_t>(line);
    if (line[0] != "features") continue;
    next.features = numbers<uint16_t>(line);
    all.push_back(next);
  }
  return all;
}

// The features of a stream that comes `at_once` samples at a time.
std::vector<uint16_t> features_of(const Heard& heard, size_t at_once) {
  LogMel front_end;
  CHECK(front_end.start(heard.format, heard.tables.data(), heard.tables.size()));
  std::vector<uint16_t> found;
  for (size_t at = 0; at < heard.samples.size();) {
    const size_t rest = heard.samples.size() - at;
    at += front_end.take(heard.samples.data() + at, rest < at_once ? rest : at_once);
    if (!front_end.complete()) continue;
    CHECK_EQUAL(front_end.take(heard.samples.data(), 1), 0u);  // no more until the features are fetched
    found.resize(found.size() + heard.format.bands);
    front_end.features(found.data() + found.size() - heard.format.bands);
  }
  return found;
}

bool starts(const SoundFormat& format, const std::vector<int16_t>& tables, size_t count) {
  LogMel front_end;
  const bool ok = front_end.start(format, tables.data(), count);
  const int16_t sample = 1;
  CHECK(ok || (front_end.take(&sample, 1) == 0 && !front_end.complete()));
  return ok;
}

}  // namespace

TEST(sound_vectors) {
  CHECK_EQUAL(all_heard().size(), 18u);
  for (const Heard& heard : all_heard()) {
    for (size_t at_once : {1u, 7u, 160u, 10000u}) {
      const auto found = features_of(heard, at_once);
      CHECK_EQUAL(found.size(), heard.features.size());
      for (size_t i = 0; i < found.size(); ++i) CHECK_EQUAL(found[i], heard.features[i]);
    }
  }
}

TEST(sound_begins_anew) {
  const Heard heard = all_heard()[2];
  LogMel front_end;
  CHECK(front_end.start(heard.format, heard.tables.data(), heard.tables.size()));
  front_end.take(heard.samples.data() + 5, 100);
  front_end.clear();
  CHECK_EQUAL(front_end.take(heard.samples.data(), heard.samples.size()), heard.format.frame);
  uint16_t found[kMaxSoundBands];
  front_end.features(found);
  for (size_t i = 0; i < heard.format.bands; ++i) CHECK_EQUAL(found[i], heard.features[i]);
}

TEST(sound_refuses_formats_out_of_range) {
  const Heard heard = all_heard()[0];
  const size_t count = heard.tables.size();
  CHECK(starts(heard.format, heard.tables, count));
  CHECK(!starts(heard.format, heard.tables, count - 1));
  CHECK(!starts(heard.format, heard.tables, 3));
  std::vector<int16_t> longer = heard.tables;
  longer.push_back(0);
  CHECK(!starts(heard.format, longer, count + 1));
  for (const SoundFormat& format : {SoundFormat{64, 1, 32},
                                    {513, 160, 32},
                                    {240, 0, 32},
                                    {240, 241, 32},
                                    {240, 160, 0},
                                    {240, 160, 65},
                                    {239, 160, 32},
                                    {240, 160, 31}}) {
    CHECK(!starts(format, heard.tables, count));
  }
}

// Whatever the tables hold, no bin beyond the spectrum is read: 240 samples make 128 bins.
TEST(sound_refuses_tables_that_point_outside) {
  const Heard heard = all_heard()[0];
  const size_t first = 240 + 3 * 128 + kLogarithms, widths = first + 1, weights = widths + 33;
  const auto with = [&](size_t at, int16_t value) {
    std::vector<int16_t> tables = heard.tables;
    tables[at] = value;
    return starts(heard.format, tables, tables.size());
  };
  CHECK(with(weights, 4096) && with(weights, 0) && with(first, 1));
  CHECK(!with(weights, 4097) && !with(weights, -1));
  CHECK(!with(first, 0) && !with(first, -1) && !with(first, 30) && !with(first, 32767));
  std::vector<int16_t> balanced = heard.tables;
  balanced[widths + 1] = static_cast<int16_t>(balanced[widths + 1] + balanced[widths] + 1);
  balanced[widths] = -1;
  CHECK(!starts(heard.format, balanced, balanced.size()));
  CHECK(!with(widths, -1) && !with(widths, 32767) && !with(widths + 32, 126));
}

TEST(sound_roots_and_logarithms) {
  const Heard heard = all_heard()[0];
  const int16_t* table = heard.tables.data() + 240 + 3 * 128;
  CHECK_EQUAL(root(0), 0u);
  CHECK_EQUAL(root(6), 2u);
  CHECK_EQUAL(root(7), 3u);
  CHECK_EQUAL(root(0xFFFFFFFFu), 65535u);
  CHECK_EQUAL(root(UINT64_C(0x100000000)), 65536u);
  CHECK_EQUAL(root(UINT64_MAX), 0xFFFFFFFFu);
  CHECK_EQUAL(log64(1, table), 0u);
  CHECK_EQUAL(log64(2, table), 44u);
  CHECK_EQUAL(log64(0xFFFFFFFFu, table), 1420u);
  for (uint32_t n = 0; n < 64; ++n) CHECK_EQUAL(bits(UINT64_C(1) << n), n + 1);
  CHECK_EQUAL(bits(0), 0u);
}
