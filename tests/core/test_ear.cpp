// A board's ear: sound at half its rate, and windows of it, against golden vectors and for any division
// of the stream.
#include "bytefed/sound/ear.h"
#include "vectors.h"

using namespace bytefed;

namespace {

constexpr SoundWindow kWindow = {{65, 40, 4}, 11, true, 0.05361519753932953f, -128};

template <typename Number>
std::vector<Number> numbers(const std::vector<std::string>& line) {
  std::vector<Number> all;
  for (size_t i = 1; i < line.size(); ++i) all.push_back(static_cast<Number>(std::stol(line[i])));
  return all;
}

struct Sound {
  std::vector<int16_t> tables, samples;
  std::vector<std::vector<int8_t>> any, starting;
};

Sound read_sound() {
  Sound sound;
  for (const auto& line : vectors::read("hearing.txt")) {
    if (line[0] == "tables") sound.tables = numbers<int16_t>(line);
    if (line[0] == "samples") sound.samples = numbers<int16_t>(line);
    if (line[0] == "any") sound.any.push_back(numbers<int8_t>(line));
    if (line[0] == "sound") sound.starting.push_back(numbers<int8_t>(line));
  }
  return sound;
}

// An ear with its memory.
struct Hearer {
  explicit Hearer(const Sound& sound, const SoundWindow& window = kWindow)
      : ring(static_cast<size_t>(window.frames) * window.format.bands),
        works(ear.start(window, sound.tables.data(), sound.tables.size(), ring.data())) {}

  std::vector<std::vector<int8_t>> windows(const std::vector<int16_t>& samples, size_t at_once) {
    std::vector<std::vector<int8_t>> found;
    for (size_t at = 0; at < samples.size();) {
      const size_t rest = samples.size() - at;
      at += ear.take(samples.data() + at, rest < at_once ? rest : at_once);
      if (!ear.complete()) continue;
      CHECK_EQUAL(ear.take(samples.data(), 1), 0u);  // no more until the window is fetched
      found.emplace_back(ring.size());
      ear.copy(found.back().data());
    }
    return found;
  }

  Ear ear;
  std::vector<int8_t> ring;
  bool works;
};

}  // namespace

TEST(ear_half_rate_vectors) {
  std::vector<int16_t> samples;
  size_t sounds = 0;
  for (const auto& line : vectors::read("hearing.txt")) {
    if (line[0] == "half") samples = numbers<int16_t>(line);
    if (line[0] != "at") continue;
    ++sounds;
    const auto expected = numbers<int16_t>(line);
    for (size_t at_once : {1u, 5u, 16u, 23u, 60u}) {
      const int16_t before[] = {1000, -1000};
      std::vector<int16_t> halves(expected.size());
      HalfRate half;
      half.take(before, 1, halves.data());
      half.clear();
      for (size_t j = 0; j < halves.size(); j += at_once) {
        const size_t rest = halves.size() - j;
        half.take(samples.data() + 2 * j, rest < at_once ? rest : at_once, halves.data() + j);
      }
      CHECK(halves == expected);
    }
  }
  CHECK_EQUAL(sounds, 8u);
}

TEST(ear_window_vectors) {
  const Sound sound = read_sound();
  CHECK(sound.any.size() > 30 && sound.starting.size() == 3);
  for (size_t at_once : {1u, 7u, 128u, 100000u}) {
    Hearer hearer(sound);
    CHECK(hearer.works);
    CHECK(hearer.windows(sound.samples, at_once) == sound.any);
    hearer.ear.clear(true);
    CHECK(hearer.windows(sound.samples, at_once) == sound.starting);
    hearer.ear.clear();
    CHECK_EQUAL(hearer.ear.take(sound.samples.data() + 1800, 99),
                99u);  // the last waits for the one behind it
    hearer.ear.clear();
    CHECK(hearer.windows(sound.samples, at_once) == sound.any);
  }
}

TEST(ear_level) {
  const Sound sound = read_sound();  // the ear reads its tables
  Hearer hearer(sound);
  std::vector<int16_t> samples(130, 5);  // a frame
  samples[3] = -32768;
  samples[4] = 32767;
  samples[5] = -32767;
  samples[6] = 32766;
  CHECK_EQUAL(hearer.ear.take(samples.data(), samples.size()), 130u);
  CHECK_EQUAL(hearer.ear.level().peak, 32768u);
  CHECK_EQUAL(hearer.ear.level().clipped, 3u);
  CHECK_EQUAL(hearer.ear.take(samples.data() + 10, 80), 80u);  // a step further
  CHECK_EQUAL(hearer.ear.level().peak, 32768u - 32768u / 16);
  hearer.ear.clear();
  CHECK_EQUAL(hearer.ear.level().clipped, 3u);
  hearer.ear.restart_level();
  CHECK_EQUAL(hearer.ear.level().peak, 0u);
  CHECK_EQUAL(hearer.ear.level().clipped, 0u);
}

TEST(ear_takes_a_microphone_as_it_is) {
  const Sound sound = read_sound();
  SoundWindow window = kWindow;
  window.halves = false;
  Hearer hearer(sound, window);
  std::vector<int16_t> half(sound.samples.size() / 2);
  HalfRate().take(sound.samples.data(), half.size(), half.data());
  CHECK(hearer.windows(half, 100) == sound.any);
}

TEST(ear_refuses_what_does_not_fit) {
  const Sound sound = read_sound();
  for (const SoundWindow& window : {SoundWindow{{65, 40, 4}, 3, true, 0.05f, 0},
                                    {{65, 40, 5}, 11, true, 0.05f, 0},
                                    {{513, 40, 4}, 11, true, 0.05f, 0}}) {
    Hearer hearer(sound, window);
    CHECK(!hearer.works && !hearer.ear.complete());
    CHECK_EQUAL(hearer.ear.take(sound.samples.data(), 1000), 0u);
  }
  CHECK(Hearer(sound, {{65, 40, 4}, 4, true, 0.05f, 0}).works);
}

// A scale below what there can be makes the largest input, and no undefined conversion.
TEST(ear_inputs_stay_in_their_range) {
  const Sound sound = read_sound();
  SoundWindow window = kWindow;
  window.scale = 1e-38f;
  window.zero_point = 100;
  Hearer hearer(sound, window);
  for (const auto& inputs : hearer.windows(sound.samples, 500)) {
    for (int8_t input : inputs) CHECK_EQUAL(input, 127);
  }
}
