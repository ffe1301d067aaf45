#include "bytefed/learning/self_test.h"

#include "bytefed/learning/exact_math.h"
#include "bytefed/learning/trainer.h"
#include "bytefed/protocol/crc.h"

namespace bytefed {
namespace {

constexpr uint32_t kGolden = 0xC1E9286Cu;  // of both trainings, SPEC 7.6

constexpr uint16_t kFeatures = 7;  // four and three: a turn of the tuned loops, and what remains
constexpr uint16_t kSamples = 8;
constexpr uint8_t kBatch = 3;
constexpr uint8_t kTold = 2;        // columns that are hashed
constexpr float kNever = -1000.0f;  // the bias of the others: exp gives 0 for them
constexpr HeadShape kShape = {kFeatures, static_cast<uint8_t>(kMinClasses)};

struct Training {
  float start, scale, rate;
};
// The second one's numbers are so small that a chip which takes them for zeros is found out.
constexpr Training kTrainings[] = {{0.0f, 0.0118f, 0.5f}, {1e-41f, 1e-36f, 1e-3f}};

void fill(SampleStore& store, float scale) {
  store.set_quantization({scale, -3});
  for (uint16_t s = 0; s < kSamples; ++s) {
    int8_t* const features = store.next(Split::kTrain);
    for (uint16_t i = 0; i < kFeatures; ++i) features[i] = static_cast<int8_t>(mix32(s * 64u + i) >> 24);
    store.commit(Split::kTrain, s % kTold);
  }
}

void start(float* head, float value) {
  for (size_t i = 0; i < kShape.parameters(); ++i) {
    head[i] = i < kShape.weights() + kTold ? value : kNever;
  }
}

void add(Crc32& crc, const float* head, const Trainer& trainer) {
  for (size_t row = 0; row <= kFeatures; ++row) crc.add(head + row * kShape.classes, sizeof(float) * kTold);
  const float loss = trainer.mean_loss();
  crc.add(&loss, sizeof loss);
}

}  // namespace

bool arithmetic_is_exact() {
  uint8_t records[kSamples * SampleStore::record_size(kFeatures)];
  float head[kShape.parameters()];
  float workspace[training_workspace(kShape, kBatch)];
  Crc32 crc;
  for (const Training& training : kTrainings) {
    SampleStore store(records, kSamples, kFeatures);
    fill(store, training.scale);
    start(head, training.start);
    TrainingConfig config = {};
    config.epochs = 2;
    config.batch = kBatch;
    config.rate = training.rate;
    Trainer trainer;
    trainer.start(kShape, head, store, config, 1, workspace);
    while (trainer.step()) {
    }
    add(crc, head, trainer);
  }
  return crc.value() == kGolden;
}

}  // namespace bytefed
