#include <cmath>
#include <random>

#include "bytefed/codec/codec.h"
#include "bytefed/learning/exact_math.h"
#include "bytefed/learning/self_test.h"
#include "bytefed/learning/shuffle.h"
#include "bytefed/learning/trainer.h"
#include "vectors.h"

using namespace bytefed;

namespace {

// One unit in the last place of a float near `value`.
double ulp(double value) {
  const float at = static_cast<float>(std::fabs(value));
  return static_cast<double>(std::nextafter(at, INFINITY)) - static_cast<double>(at);
}

void try_function(const char* file, float (*function)(float)) {
  for (const auto& fields : vectors::read(file)) {
    const float got = function(vectors::float_of(fields[0]));
    CHECK_EQUAL(float_bits(got), std::stoul(fields[1]));
    const double reference = std::stod(fields[2]);
    CHECK(std::fabs(static_cast<double>(got) - reference) <= 1.01 * ulp(reference));
  }
}

std::vector<float> floats(const vectors::Fields& fields) {
  std::vector<float> values;
  for (size_t i = 1; i < fields.size(); ++i) values.push_back(vectors::float_of(fields[i]));
  return values;
}

void same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  CHECK_EQUAL(a.size(), b.size());
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) CHECK_EQUAL(float_bits(a[i]), float_bits(b[i]));
}

// A training of sgd.txt, and what must come out of it.
struct Training {
  HeadShape shape;
  TrainingConfig config;
  uint16_t round;
  Quantization quantization;
  std::vector<uint8_t> memory;
  std::vector<float> head, after, delta;
  std::vector<double> exact;
  float loss;
  int correct;
};

Training read_training(const std::vector<vectors::Fields>& lines, size_t& at) {
  Training t = {};
  const auto& c = lines[at++];
  const auto number = [&](size_t i) { return std::stol(c[i]); };
  t.shape = {static_cast<uint16_t>(number(1)), static_cast<uint8_t>(number(2))};
  t.quantization = {vectors::float_of(c[5]), static_cast<int8_t>(number(4))};
  t.config = {static_cast<uint8_t>(number(6)),  static_cast<uint8_t>(number(7)), vectors::float_of(c[8]),
              static_cast<uint32_t>(number(9)), vectors::float_of(c[11]),        nullptr};
  t.round = static_cast<uint16_t>(number(10));
  for (long i = 0; i < number(3); ++i) {
    const auto& sample = lines[at++];
    for (size_t k = 1; k < sample.size(); ++k) {
      t.memory.push_back(static_cast<uint8_t>(std::stoi(sample[k])));
    }
  }
  t.head = floats(lines[at++]);
  t.after = floats(lines[at++]);
  t.delta = floats(lines[at++]);
  t.loss = vectors::float_of(lines[at][1]);
  t.correct = std::stoi(lines[at++][2]);
  for (size_t i = 1; i < lines[at].size(); ++i) t.exact.push_back(std::stod(lines[at][i]));
  ++at;
  return t;
}

double cross_entropy(const std::vector<double>& head, const std::vector<int8_t>& q, Quantization quantization,
                     HeadShape shape, size_t label) {
  std::vector<double> z(shape.classes);
  double sum = 0;
  for (size_t c = 0; c < shape.classes; ++c) {
    z[c] = head[shape.weights() + c];
    for (size_t i = 0; i < shape.features; ++i) {
      z[c] += head[i * shape.classes + c] * static_cast<double>(quantization.scale) *
              (q[i] - quantization.zero_point);
    }
    sum += std::exp(z[c]);
  }
  return std::log(sum) - z[label];
}

}  // namespace

TEST(kernel_exp_vectors) {
  try_function("exp.txt", exact_exp);
  CHECK_EQUAL(float_bits(exact_exp(NAN)), 0u);
}

TEST(kernel_log_vectors) {
  try_function("log.txt", exact_log);
}

TEST(kernel_shuffle_vectors) {
  for (const auto& fields : vectors::read("shuffle.txt")) {
    const Shuffle shuffle(
        static_cast<uint32_t>(std::stoul(fields[0])), static_cast<uint16_t>(std::stoul(fields[1])),
        static_cast<uint8_t>(std::stoul(fields[2])), static_cast<uint16_t>(std::stoul(fields[3])));
    for (size_t i = 4; i < fields.size(); ++i) {
      CHECK_EQUAL(shuffle[static_cast<uint16_t>(i - 4)], std::stoul(fields[i]));
    }
  }
}

TEST(kernel_shuffle_is_a_permutation_at_the_largest_count) {
  const Shuffle shuffle(99, 3, 1, 65535);
  std::vector<bool> seen(65535);
  for (unsigned i = 0; i < 65535; ++i) seen[shuffle[static_cast<uint16_t>(i)]] = true;
  for (bool one : seen) CHECK(one);
}

TEST(kernel_sgd_vectors) {
  const auto lines = vectors::read("sgd.txt");
  for (size_t at = 0; at < lines.size();) {
    Training t = read_training(lines, at);
    const uint16_t n = static_cast<uint16_t>(t.memory.size() / (1u + t.shape.features));
    const std::vector<uint8_t> records = t.memory;
    SampleStore store(t.memory.data(), n, t.shape.features);
    store.set_quantization(t.quantization);
    for (size_t i = 0; i < n; ++i) {
      const uint8_t* record = records.data() + i * (1u + t.shape.features);
      std::memcpy(store.next(Split::kTrain), record + 1, t.shape.features);
      store.commit(Split::kTrain, *record);
    }
    std::vector<float> head = t.head, workspace(training_workspace(t.shape, t.config.batch));
    t.config.anchor = t.head.data();
    Trainer trainer;
    trainer.start(t.shape, head.data(), store, t.config, t.round, workspace.data());
    CHECK_EQUAL(trainer.samples_left(), static_cast<uint32_t>(n) * t.config.epochs);
    while (trainer.step()) {
    }
    CHECK(trainer.done() && trainer.samples_left() == 0);
    same_bits(head, t.after);
    CHECK_EQUAL(float_bits(trainer.mean_loss()), float_bits(t.loss));
    CHECK_EQUAL(trainer.correct(), t.correct);
    for (size_t i = 0; i < head.size(); ++i) {
      CHECK(std::fabs(static_cast<double>(head[i]) - t.exact[i]) <= 2e-5 * (1 + std::fabs(t.exact[i])));
      CHECK_EQUAL(float_bits(head[i] - t.head[i]), float_bits(t.delta[i]));
    }
  }
}

TEST(kernel_gradient_is_that_of_the_loss) {
  std::mt19937 rng(5);
  std::normal_distribution<double> normal(0, 0.3);
  const HeadShape shape = {6, 12};
  const Quantization quantization = {0.02f, -7};
  std::vector<int8_t> q(shape.features);
  for (int8_t& value : q) value = static_cast<int8_t>(rng());
  std::vector<double> head(shape.parameters());
  for (double& value : head) value = static_cast<double>(static_cast<float>(normal(rng)));
  std::vector<float> stepped(head.begin(), head.end()), z(shape.classes);
  const float rate = 1.0f;
  const uint8_t label = 4;
  logits(stepped.data(), q.data(), quantization, shape, z.data());
  const SampleLoss outcome = softmax_gradient(z.data(), shape.classes, label, rate);
  CHECK(std::fabs(static_cast<double>(outcome.loss) - cross_entropy(head, q, quantization, shape, label)) <
        1e-5);
  apply_gradient(stepped.data(), q.data(), quantization, shape, z.data());
  for (size_t i = 0; i < head.size(); ++i) {
    const double step = 1e-5, middle = head[i];
    head[i] = middle + step;
    const double above = cross_entropy(head, q, quantization, shape, label);
    head[i] = middle - step;
    const double below = cross_entropy(head, q, quantization, shape, label);
    head[i] = middle;
    const double gradient = (above - below) / (2 * step);
    CHECK(std::fabs(middle - static_cast<double>(stepped[i]) - gradient) < 1e-5);
  }
}

TEST(kernel_tuned_loops_give_the_bits_of_the_plain_ones) {
  std::mt19937 rng(6);
  std::normal_distribution<float> normal(0, 1);
  for (uint8_t classes = 2; classes <= kMaxClasses; ++classes) {
    for (uint16_t features : {1, 2, 3, 4, 5, 31}) {
      const HeadShape shape = {features, classes};
      std::vector<float> tuned(shape.parameters()), g(classes), a(classes), b(classes);
      for (float& value : tuned) value = normal(rng);
      for (float& value : g) value = normal(rng);
      std::vector<float> plain = tuned;
      std::vector<int8_t> q(features);
      for (int8_t& value : q) value = static_cast<int8_t>(rng());
      const int8_t zero = static_cast<int8_t>(rng());
      weighted_sums(tuned.data(), q.data(), zero, shape, a.data());
      weighted_sums_plain(plain.data(), q.data(), zero, shape, b.data());
      same_bits(a, b);
      rank_one_update(tuned.data(), q.data(), zero, shape, g.data());
      rank_one_update_plain(plain.data(), q.data(), zero, shape, g.data());
      same_bits(tuned, plain);
    }
  }
}

TEST(kernel_tells_finite_from_not) {
  const float fine[] = {0.0f, -0.0f, 3.4028235e38f, -1e-45f};
  CHECK(all_finite(fine, 4));
  for (float bad : {static_cast<float>(NAN), static_cast<float>(INFINITY), -static_cast<float>(INFINITY)}) {
    const float some[] = {1.0f, bad};
    CHECK(!all_finite(some, 2));
    CHECK(all_finite(some, 1));
  }
}

TEST(codec_blobs_fit_the_memory_behind_the_head) {
  for (size_t count = 4; count < 3000; ++count) {  // from D = 1, C = 2 on
    for (uint8_t codec = 1; known_codec(codec); ++codec) {
      CHECK(blob_size(static_cast<Codec>(codec), count) <= sizeof(float) * lossy_blob_floats(count));
    }
  }
}

TEST(this_build_passes_the_self_test) {
  CHECK(arithmetic_is_exact());
}
