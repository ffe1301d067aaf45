// Trains the same made-up data wherever it runs and prints what came out, bit for bit. The tests
// run it as an image on a Cortex-M4F and as programs of this machine, built in several ways.
//
// One line a scenario: its name, all that is needed to repeat it, CRC-32 of the head, loss, correct. Then one
// for each codec: `codec`, its number, the scenario, and CRC-32s of the head's blob, of what that lacks and
// what it stands for. The last line tells what the core's own self-test says.
#include <cstring>

#include "bytefed/codec/codec.h"
#include "bytefed/learning/exact_math.h"
#include "bytefed/learning/self_test.h"
#include "bytefed/learning/shuffle.h"
#include "bytefed/learning/trainer.h"
#include "bytefed/protocol/crc.h"
#include "console.h"

namespace {

using namespace bytefed;

enum Fill { kClusters, kExtremes };

struct Scenario {
  const char* name;
  uint16_t features;
  uint8_t classes;
  uint16_t samples;
  Quantization quantization;
  TrainingConfig config;
  Fill fill;
  float start;  // every parameter of the head before the first step
};

constexpr uint16_t kMostRecords = 250 * 65;
constexpr size_t kMostParameters = 257 * 10;
constexpr uint8_t kMostBatch = 32;

const Scenario kScenarios[] = {
    {"usual", 64, 10, 250, {0.0118f, -3}, {50, 1, 0.05f, 1}, kClusters, 0.0f},
    {"batches", 32, 10, 250, {0.0118f, -128}, {40, 32, 0.5f, 2}, kClusters, 0.0f},
    {"two_classes", 128, 2, 60, {0.02f, 127}, {20, 1, 0.1f, 3}, kClusters, 0.0f},
    {"four_classes", 64, 4, 60, {0.02f, 0}, {20, 4, 0.1f, 4}, kClusters, 0.0f},
    {"wide", 256, 10, 50, {0.005f, 5}, {10, 1, 0.05f, 5}, kClusters, 0.0f},
    {"odd", 31, 7, 50, {0.0118f, -3}, {20, 1, 0.05f, 6}, kClusters, 0.0f},
    {"few_features", 3, 3, 50, {0.0118f, -3}, {20, 1, 0.05f, 7}, kClusters, 0.0f},
    {"two_blocks", 33, 11, 50, {0.0118f, -3}, {20, 5, 0.05f, 8}, kClusters, 0.0f},
    {"many_classes", 30, 64, 50, {0.0118f, -3}, {20, 1, 0.05f, 9}, kClusters, 0.0f},
    {"extremes", 64, 10, 50, {0.0118f, -128}, {20, 1, 0.05f, 10}, kExtremes, 0.0f},
    {"huge_rate", 64, 10, 50, {0.0118f, -3}, {20, 1, 1e30f, 11}, kExtremes, 0.0f},
    {"tiny_rate", 64, 10, 50, {0.0118f, -3}, {20, 1, 1e-40f, 12}, kClusters, 0.0f},
    {"denormal_head", 64, 10, 50, {1e-36f, -3}, {20, 1, 1e-3f, 13}, kExtremes, 1e-41f},
};

uint8_t records[kMostRecords];
float head[kMostParameters];
float workspace[64 * kMostBatch];
float coded[padded(kMostParameters)];
uint8_t blob[sizeof(float) * kMostParameters];

// Hash of a place in the data, as a byte.
int8_t noise(uint32_t seed, uint32_t a, uint32_t b) {
  return static_cast<int8_t>(mix32(mix32(seed * 65536u + a) + b) >> 24);
}

// Clusters: half the class's pattern, half noise. Extremes: the largest and smallest int8 alone.
int8_t feature(const Scenario& scenario, uint32_t sample, uint8_t label, uint32_t i) {
  const uint32_t seed = scenario.config.seed;
  const int8_t own = noise(seed, 1000 + sample, i);
  if (scenario.fill == kExtremes) return own < 0 ? -128 : 127;
  return static_cast<int8_t>(noise(seed, label, i) / 2 + own / 2);
}

SampleStore make_samples(const Scenario& scenario) {
  SampleStore store(records, scenario.samples, scenario.features);
  store.set_quantization(scenario.quantization);
  for (uint32_t s = 0; s < scenario.samples; ++s) {
    const uint8_t label = static_cast<uint8_t>(s % scenario.classes);
    int8_t* features = store.next(Split::kTrain);
    for (uint32_t i = 0; i < scenario.features; ++i) {
      features[i] = feature(scenario, s, label, i);
    }
    store.commit(Split::kTrain, label);
  }
  return store;
}

void print_fields(const Scenario& s) {
  print(s.name);
  const uint32_t numbers[] = {s.features,
                              s.classes,
                              s.samples,
                              static_cast<uint8_t>(s.quantization.zero_point),
                              float_bits(s.quantization.scale),
                              s.config.epochs,
                              s.config.batch,
                              float_bits(s.config.rate),
                              s.config.seed,
                              static_cast<uint32_t>(s.fill),
                              float_bits(s.start)};
  for (const uint32_t number : numbers) {
    print(" ");
    print_hex(number);
  }
}

void run(const Scenario& scenario) {
  const HeadShape shape = {scenario.features, scenario.classes};
  if (scenario.samples * SampleStore::record_size(shape.features) > kMostRecords ||
      shape.parameters() > kMostParameters) {
    fatal("scenario too large");
  }
  const SampleStore store = make_samples(scenario);
  for (size_t i = 0; i < shape.parameters(); ++i) head[i] = scenario.start;
  Trainer trainer;
  trainer.start(shape, head, store, scenario.config, 1, workspace);
  while (trainer.step()) {
  }
  print_fields(scenario);
  print(" ");
  print_hex(crc32(head, shape.parameters() * sizeof(float)));
  print(" ");
  print_hex(float_bits(trainer.mean_loss()));
  print(" ");
  print_hex(trainer.correct());
  print("\n");
}

void print_crc(const void* data, size_t size) {
  print(" ");
  print_hex(crc32(data, size));
}

void run_codec(uint8_t number, const Scenario& scenario) {
  const Codec codec = static_cast<Codec>(number);
  const size_t count = HeadShape{scenario.features, scenario.classes}.parameters();
  std::memcpy(coded, head, count * sizeof(float));
  encode(codec, count, scenario.config.seed, coded, blob);
  print("codec ");
  print_hex(number);
  print(" ");
  print(scenario.name);
  print_crc(blob, blob_size(codec, count));
  print_crc(coded, count * sizeof(float));
  decode(codec, count, scenario.config.seed, blob, coded);
  print_crc(coded, count * sizeof(float));
  print("\n");
}

}  // namespace

int main() {
  for (const Scenario& scenario : kScenarios) {
    run(scenario);
    for (uint8_t codec = 0; known_codec(codec); ++codec) run_codec(codec, scenario);
  }
  print(bytefed::arithmetic_is_exact() ? "exact\n" : "inexact\n");
  return 0;
}
