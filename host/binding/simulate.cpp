// Local training of many clients: threads over groups of eight, a client in each lane (lanes.h).
#include <nanobind/ndarray.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bindings.h"
#include "bytefed/codec/codec.h"
#include "bytefed/learning/shuffle.h"
#include "bytefed/learning/trainer.h"
#include "bytefed/privacy/noisy_pass.h"
#include "bytefed/secure_sum/lanes.h"
#include "bytefed/secure_sum/sum_codec.h"
#include "lanes.h"

namespace nb = nanobind;
using namespace bytefed;

namespace {

template <typename T, size_t N>
using Array = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

struct alignas(4 * kLanes) Lanes {
  float of[kLanes];
};

using LaneKernel = void (*)(const LaneStep&);

LaneKernel fastest_kernel() {
#ifdef BYTEFED_AVX2
  if (__builtin_cpu_supports("avx2")) return lanes_avx2::step;
#endif
  return lanes_baseline::step;
}

// Calls task(thread, item) for all items, on so many threads.
template <typename Task>
void in_parallel(size_t threads, size_t items, const Task& task) {
  std::atomic<size_t> next{0};
  const auto work = [&](size_t thread) {
    for (size_t item = next++; item < items; item = next++) task(thread, item);
  };
  std::vector<std::thread> helpers;
  for (size_t thread = 1; thread < std::min(threads, items); ++thread) helpers.emplace_back(work, thread);
  work(0);
  for (std::thread& helper : helpers) helper.join();
}

// One array of samples for all clients, and the indices of those that each trains and tests on. Its test
// samples are the first ones.
struct Data {
  Array<const int8_t, 2> features;
  Array<const uint8_t, 1> labels;
  Array<const int32_t, 1> order;
  Array<const int64_t, 1> bounds;
  Array<const int64_t, 1> test_sizes;
  HeadShape shape;
  Quantization quantization;

  size_t clients() const { return test_sizes.shape(0); }
  const int32_t* tests(int64_t client) const { return order.data() + bounds.data()[client]; }
  size_t test_count(int64_t client) const { return static_cast<size_t>(test_sizes.data()[client]); }
  const int32_t* trains(int64_t client) const { return tests(client) + test_count(client); }
  size_t train_count(int64_t client) const {
    return static_cast<size_t>(bounds.data()[client + 1] - bounds.data()[client]) - test_count(client);
  }
  const int8_t* row(int32_t sample) const {
    return features.data() + static_cast<size_t>(sample) * shape.features;
  }
  // The client's own test samples that a head classifies correctly; z has C floats.
  int32_t right(int64_t client, const float* head, float* z) const {
    int32_t count = 0;
    for (size_t i = 0; i < test_count(client); ++i) {
      const int32_t sample = tests(client)[i];
      logits(head, row(sample), quantization, shape, z);
      count += argmax(z, shape.classes) == labels.data()[sample];
    }
    return count;
  }
};

// The clients that take part, and the heads that they start from.
struct Wave {
  const int64_t* clients;  // [n]
  const uint32_t* seeds;   // [n]
  const int32_t* version;  // [n]: row of heads
  const float* heads;      // [..][P]
  float* deltas;           // [n][P]
  float* losses;           // [n]
  int32_t* correct;        // [n]
  double* norms;           // [n]: of the deltas; NaN where training diverged
  int32_t* personal;       // [n]: own test samples that the trained head gets right; null where nobody asks
  float* residuals;        // [clients of the data][P], by client; of lossy codecs
};

struct Plan {
  uint16_t round;
  TrainingConfig config;
  Codec codec;
};

// A client's round with noise: the counterpart of NoisyPass, with samples by their index.
void train_with_noise(const Data& data, int64_t client, const float* head, const NoisePlan& noise,
                      const uint8_t* key, float rate, float* delta) {
  const size_t parameters = data.shape.parameters();
  IntegerSums sums(delta);
  sums.clear(parameters);
  float z[kMaxClasses];
  int32_t a[kMaxClasses];
  for (size_t i = 0; i < data.train_count(client); ++i) {
    const int32_t sample = data.trains(client)[i];
    add_clipped(head, {data.labels.data()[sample], data.row(sample)}, data.quantization, data.shape,
                noise.clipping, z, a, sums);
  }
  RandomStream random;
  random.start(key);
  add_noise(sums, 0, parameters, noise.sigma(), random);
  noise.scale(sums, parameters, rate, static_cast<uint16_t>(data.train_count(client)));
}

double norm_of(const float* values, size_t count) {
  double sum = 0.0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return std::sqrt(sum);
}

// Decodes a delta's blob as the coordinator does (SPEC 5.1); returns false if the result is not finite.
// `values` is workspace.
bool compress(Codec codec, size_t parameters, uint32_t seed, float* delta, float* residual,
              std::vector<float>& values, std::vector<uint8_t>& blob) {
  for (size_t i = 0; i < parameters; ++i) values[i] = delta[i] + residual[i];
  encode(codec, parameters, seed, values.data(), blob.data());
  if (!all_finite(values.data(), parameters)) return false;
  std::copy_n(values.data(), parameters, residual);
  decode(codec, parameters, seed, blob.data(), values.data());
  std::copy_n(values.data(), parameters, delta);
  return all_finite(delta, parameters);
}

// The statistics that boards would tell of their round, besides the delta.
struct Told {
  uint16_t examples;
  float loss;
  int32_t correct, tested;
};

// Sums what boards would hide (SPEC 11.2): the counterpart of Round::mask_delta, without the masks that
// cancel.
class PlainSum {
 public:
  PlainSum(const SumScale& scale, size_t parameters, uint16_t reference)
      : scale_(scale),
        reference_(reference),
        parameters_(parameters),
        layout_(sum_layout(scale.codec, parameters, scale.boards, kSumWords)),
        values_(padded(parameters)),
        blob_(layout_.size()),
        words_(kSumWords),
        lanes_(layout_.lanes) {}

  // Adds a delta, and leaves the encoding error there if the codec is lossy. False, with nothing added, if
  // what there is to encode is not finite.
  bool add(const Told& told, const float* residual, float* delta) {
    const float weight = static_cast<float>(told.examples) / static_cast<float>(reference_);
    for (size_t i = 0; i < parameters_; ++i) {
      values_[i] = delta[i] * weight + (residual != nullptr ? residual[i] : 0.0f);
    }
    if (!all_finite(values_.data(), parameters_)) return false;
    const float mean = encode_sum(scale_, parameters_, values_.data(), blob_.data());
    if (residual != nullptr) {
      if (!all_finite(values_.data(), parameters_)) return false;
      std::copy_n(values_.data(), parameters_, delta);
    }
    add_lanes();
    words_[0] += told.examples;
    words_[1] += sum_word(mean * (kSizeUnit / scale_.step), scale_.boards);
    words_[2] += sum_word(told.loss * static_cast<float>(told.examples) * kLossUnit, scale_.boards);
    words_[3] += static_cast<uint32_t>(told.correct);
    words_[4] += static_cast<uint32_t>(told.tested);
    return true;
  }

  // Adds a delta that is bounded and has a share of the noise (SPEC 11.5): the counterpart of
  // Round::mask_share.
  void add_share(const NoisePlan& plan, const uint8_t* key, float* delta) {
    std::copy_n(delta, parameters_, values_.data());
    encode_share(scale_, plan, parameters_, key, values_.data());
    add_integers();
    ++words_[0];
    std::fill_n(delta, parameters_, 0.0f);
  }

  void give(uint64_t* words, uint64_t* lanes) const {
    for (size_t i = 0; i < words_.size(); ++i) words[i] += words_[i];
    for (size_t i = 0; i < lanes_.size(); ++i) lanes[i] += lanes_[i];
  }

 private:
  void add_lanes() {
    if (layout_.bits == 32) return add_integers();  // where the values were
    LaneReader reader(blob_.data(), layout_.bits);
    for (uint64_t& lane : lanes_) lane += reader.take();
  }

  void add_integers() {
    for (size_t i = 0; i < lanes_.size(); ++i) {
      uint32_t lane;
      std::memcpy(&lane, &values_[i], sizeof lane);
      lanes_[i] += lane;
    }
  }

  SumScale scale_;
  uint16_t reference_;
  size_t parameters_;
  SumLayout layout_;
  std::vector<float> values_;
  std::vector<uint8_t> blob_;
  std::vector<uint64_t> words_, lanes_;
};

// Up to eight clients while they train: the counterpart of Trainer, which trains one.
class Group {
 public:
  Group(const Data& data, const Plan& plan, LaneKernel kernel)
      : data_(data),
        plan_(plan),
        kernel_(kernel),
        zero_row_(data.shape.features, data.quantization.zero_point),
        rows_(kLanes * plan.config.batch),
        labels_(plan.config.batch),
        heads_(data.shape.parameters()),
        anchors_(heads_.size()),
        x_(static_cast<size_t>(data.shape.features) * plan.config.batch),
        gradient_(training_workspace(data.shape, plan.config.batch)),
        values_(padded(data.shape.parameters())),
        z_(data.shape.classes),
        blob_(blob_size(plan.codec, data.shape.parameters())) {}

  // `members` are indices into the wave, at most kLanes of them.
  void train(const Wave& wave, const uint32_t* members, size_t count) {
    start(wave, members, count);
    while (next_batch()) kernel_(step_);
    for (size_t lane = 0; lane < count; ++lane) finish(wave, members[lane], lane);
  }

 private:
  struct Lane {
    const int32_t* samples;
    uint16_t count;
    uint32_t seed;
    uint16_t position = 0;
    uint8_t epoch = 0;
    std::vector<uint16_t> order = {};  // of the epoch under way
  };

  void start(const Wave& wave, const uint32_t* members, size_t count) {
    lanes_.clear();
    for (size_t lane = 0; lane < count; ++lane) {
      const uint32_t member = members[lane];
      const int64_t client = wave.clients[member];
      const float* head = wave.heads + static_cast<size_t>(wave.version[member]) * heads_.size();
      for (size_t i = 0; i < heads_.size(); ++i) heads_[i].of[lane] = head[i];
      lanes_.push_back(
          {data_.trains(client), static_cast<uint16_t>(data_.train_count(client)), wave.seeds[member]});
    }
    anchors_ = heads_;
    step_ = {data_.shape.features,
             data_.shape.classes,
             0,
             data_.quantization.scale,
             data_.quantization.zero_point,
             plan_.config.rate * plan_.config.proximal_mu,
             anchors_[0].of,
             rows_.data(),
             labels_[0].of,
             rate_.of,
             heads_[0].of,
             loss_.of,
             correct_,
             x_[0].of,
             gradient_[0].of};
  }

  // Lays out the next mini-batch of each lane; false when none has one left.
  bool next_batch() {
    step_.samples = 0;
    size_t sizes[kLanes] = {};
    for (size_t lane = 0; lane < lanes_.size(); ++lane) {
      sizes[lane] = begin_batch(lane);
      step_.samples = std::max(step_.samples, sizes[lane]);
    }
    for (size_t i = 0; i < step_.samples; ++i) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const bool present = i < sizes[lane];
        const int32_t sample = present ? next_sample(lanes_[lane]) : 0;
        rows_[i * kLanes + lane] = present ? data_.row(sample) : zero_row_.data();
        labels_[i].of[lane] = present ? data_.labels.data()[sample] : -1;
      }
    }
    return step_.samples > 0;
  }

  size_t begin_batch(size_t index) {
    Lane& lane = lanes_[index];
    if (lane.position == lane.count) {
      lane.position = 0;
      ++lane.epoch;
    }
    if (lane.epoch == plan_.config.epochs) return 0;
    if (lane.position == 0) {
      shuffle(lane);
      loss_.of[index] = 0.0f;
      correct_[index] = 0;
    }
    const uint16_t left = static_cast<uint16_t>(lane.count - lane.position);
    const uint16_t size = std::min<uint16_t>(left, plan_.config.batch);
    rate_.of[index] = plan_.config.rate / static_cast<float>(size);
    return size;
  }

  // Makes the sample order of a whole epoch by a table, many times faster than index by index.
  void shuffle(Lane& lane) {
    const Shuffle order(lane.seed, plan_.round, lane.epoch, lane.count);
    table_.resize(order.domain());
    for (uint32_t value = 0; value < order.domain(); ++value) table_[value] = order.encipher(value);
    lane.order.resize(lane.count);
    for (uint16_t index = 0; index < lane.count; ++index) {
      uint32_t value = table_[index];
      while (value >= lane.count) value = table_[value];
      lane.order[index] = static_cast<uint16_t>(value);
    }
  }

  static int32_t next_sample(Lane& lane) { return lane.samples[lane.order[lane.position++]]; }

  void finish(const Wave& wave, uint32_t member, size_t lane) {
    const size_t parameters = heads_.size();
    if (wave.personal != nullptr) {
      for (size_t i = 0; i < parameters; ++i) values_[i] = heads_[i].of[lane];
      wave.personal[member] = data_.right(wave.clients[member], values_.data(), z_.data());
    }
    float* delta = wave.deltas + member * parameters;
    for (size_t i = 0; i < parameters; ++i) delta[i] = heads_[i].of[lane] - anchors_[i].of[lane];
    bool finite = all_finite(delta, parameters);
    if (finite && is_lossy(plan_.codec)) {
      finite =
          compress(plan_.codec, parameters, uplink_seed(wave.seeds[member], plan_.round), delta,
                   wave.residuals + static_cast<size_t>(wave.clients[member]) * parameters, values_, blob_);
    }
    wave.losses[member] = loss_.of[lane] / static_cast<float>(lanes_[lane].count);
    wave.correct[member] = correct_[lane];
    wave.norms[member] = finite ? norm_of(delta, parameters) : NAN;
  }

  struct alignas(4 * kLanes) Labels {
    int32_t of[kLanes];
  };

  const Data& data_;
  const Plan& plan_;
  LaneKernel kernel_;
  std::vector<int8_t> zero_row_;
  std::vector<const int8_t*> rows_;
  std::vector<Labels> labels_;
  std::vector<Lanes> heads_, anchors_, x_, gradient_;
  std::vector<float> values_, z_;
  std::vector<uint8_t> blob_;
  std::vector<Lane> lanes_;
  std::vector<uint32_t> table_;
  Lanes rate_ = {}, loss_ = {};
  alignas(4 * kLanes) int32_t correct_[kLanes] = {};
  LaneStep step_ = {};
};

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(what);
}

class Simulator {
 public:
  Simulator(Array<const int8_t, 2> features, Array<const uint8_t, 1> labels, Array<const int32_t, 1> order,
            Array<const int64_t, 1> bounds, Array<const int64_t, 1> test_sizes, size_t classes, float scale,
            int zero_point, size_t threads, bool fast)
      : data_{features,
              labels,
              order,
              bounds,
              test_sizes,
              {static_cast<uint16_t>(features.shape(1)), static_cast<uint8_t>(classes)},
              {scale, static_cast<int8_t>(zero_point)}},
        threads_(std::max<size_t>(threads, 1)),
        kernel_(fast ? fastest_kernel() : lanes_baseline::step) {
    require(features.shape(1) <= kMaxFeatures && classes <= kMaxClasses && data_.shape.valid(), "head shape");
    require(scale > 0.0f, "scale is above 0");
    require(labels.shape(0) == features.shape(0), "as many labels as samples");
    require(bounds.shape(0) == data_.clients() + 1, "bounds has one more than there are clients");
    for (size_t i = 0; i < labels.shape(0); ++i)
      require(labels.data()[i] < classes, "a label is not below C");
    for (size_t i = 0; i < order.shape(0); ++i) {
      require(static_cast<uint32_t>(order.data()[i]) < features.shape(0), "order names samples");
    }
    for (size_t client = 0; client < data_.clients(); ++client) check_client(static_cast<int64_t>(client));
  }

  void train(Array<const int64_t, 1> clients, Array<const uint32_t, 1> seeds, Array<const float, 2> heads,
             Array<const int32_t, 1> version, int round, int epochs, int batch, float rate, float proximal_mu,
             int codec, Array<float, 2> residuals, Array<float, 2> deltas, Array<float, 1> losses,
             Array<int32_t, 1> correct, Array<double, 1> norms, Array<int32_t, 1> personal) const {
    check_heads(clients, heads, version);
    const size_t count = clients.shape(0), parameters = data_.shape.parameters();
    require(seeds.shape(0) == count && deltas.shape(0) == count && losses.shape(0) == count &&
                correct.shape(0) == count && norms.shape(0) == count && deltas.shape(1) == parameters &&
                (personal.shape(0) == 0 || personal.shape(0) == count),
            "one value for each client");
    require(epochs >= 1 && epochs <= 255 && batch >= 1 && batch <= 255, "epochs and batch are 1 to 255");
    require(codec >= 0 && codec <= 255 && known_codec(static_cast<uint8_t>(codec)), "no such codec");
    const Plan plan = {static_cast<uint16_t>(round),
                       {static_cast<uint8_t>(epochs), static_cast<uint8_t>(batch), rate, 0, proximal_mu},
                       static_cast<Codec>(codec)};
    require(
        !is_lossy(plan.codec) || (residuals.shape(0) == data_.clients() && residuals.shape(1) == parameters),
        "lossy codecs need a residual for each client");
    const Wave wave = {clients.data(),  seeds.data(),  version.data(),
                       heads.data(),    deltas.data(), losses.data(),
                       correct.data(),  norms.data(),  personal.shape(0) == 0 ? nullptr : personal.data(),
                       residuals.data()};
    nb::gil_scoped_release release;
    const std::vector<uint32_t> members = by_size(clients.data(), count);
    std::vector<Group> groups(threads_, Group(data_, plan, kernel_));
    in_parallel(threads_, (count + kLanes - 1) / kLanes, [&](size_t thread, size_t item) {
      const size_t first = item * kLanes;
      groups[thread].train(wave, members.data() + first, std::min(kLanes, count - first));
    });
  }

  void train_with_noise(Array<const int64_t, 1> clients, Array<const uint32_t, 1> seeds,
                        Array<const float, 2> heads, Array<const int32_t, 1> version, int round, float rate,
                        float clip, uint32_t cost, int grid, Array<const uint8_t, 2> keys, int codec,
                        Array<float, 2> residuals, Array<float, 2> deltas, Array<double, 1> norms) const {
    check_heads(clients, heads, version);
    const size_t count = clients.shape(0), parameters = data_.shape.parameters();
    require(seeds.shape(0) == count && deltas.shape(0) == count && norms.shape(0) == count &&
                deltas.shape(1) == parameters && keys.shape(0) == count && keys.shape(1) == kKeySize,
            "one value for each client");
    require(codec >= 0 && codec <= 255 && known_codec(static_cast<uint8_t>(codec)), "no such codec");
    const Codec up = static_cast<Codec>(codec);
    require(!is_lossy(up) || (residuals.shape(0) == data_.clients() && residuals.shape(1) == parameters),
            "lossy codecs need a residual for each client");
    require(grid >= 0 && grid <= 255, "grid is 8 to 18");
    const NoisePlan noise = {{clip, static_cast<uint8_t>(grid)}, cost, false};
    require(noise.valid(), "clip, cost or grid is out of range");
    nb::gil_scoped_release release;
    in_parallel(threads_, count, [&](size_t, size_t i) {
      const float* head = heads.data() + static_cast<size_t>(version.data()[i]) * parameters;
      float* delta = deltas.data() + i * parameters;
      const int64_t client = clients.data()[i];
      ::train_with_noise(data_, client, head, noise, keys.data() + i * kKeySize, rate, delta);
      bool finite = all_finite(delta, parameters);
      if (finite && is_lossy(up)) {
        std::vector<float> values(padded(parameters));
        std::vector<uint8_t> blob(blob_size(up, parameters));
        finite = compress(up, parameters, uplink_seed(seeds.data()[i], static_cast<uint16_t>(round)), delta,
                          residuals.data() + static_cast<size_t>(client) * parameters, values, blob);
      }
      norms.data()[i] = finite ? norm_of(delta, parameters) : NAN;
    });
  }

  void add_shares(Array<float, 2> deltas, Array<const uint8_t, 2> keys, Array<double, 1> norms,
                  Array<uint64_t, 1> words, Array<uint64_t, 1> lanes, int round, int codec, int boards,
                  float step, int grid, uint32_t cost) const {
    const size_t count = deltas.shape(0), parameters = data_.shape.parameters();
    require(deltas.shape(1) == parameters && norms.shape(0) == count && keys.shape(0) == count &&
                keys.shape(1) == kKeySize,
            "one value for each client");
    const SumScale scale = sum_scale(round, codec, boards, step);
    require(has_shares(static_cast<uint8_t>(codec)), "the codec has no shares");
    require(grid >= 0 && grid <= 255, "grid is 6 to 18");
    const NoisePlan plan = {{1.0f, static_cast<uint8_t>(grid)}, cost, true};
    require(plan.valid(), "cost or grid is out of range");
    add_up(scale, 1, count, words, lanes, [&](PlainSum& sum, size_t i) {
      sum.add_share(plan, keys.data() + i * kKeySize, deltas.data() + i * parameters);
      norms.data()[i] = 0.0;
    });
  }

  void evaluate(Array<const int64_t, 1> clients, Array<const float, 2> heads, Array<const int32_t, 1> version,
                Array<int32_t, 1> correct) const {
    check_heads(clients, heads, version);
    require(correct.shape(0) == clients.shape(0), "one value for each client");
    nb::gil_scoped_release release;
    std::vector<std::vector<float>> workspaces(threads_, std::vector<float>(data_.shape.classes));
    in_parallel(threads_, clients.shape(0), [&](size_t thread, size_t item) {
      const int64_t client = clients.data()[item];
      const float* head = heads.data() + static_cast<size_t>(version.data()[item]) * heads.shape(1);
      correct.data()[item] = data_.right(client, head, workspaces[thread].data());
    });
  }

  void add_hidden(Array<const int64_t, 1> clients, Array<float, 2> deltas, Array<const float, 2> residuals,
                  Array<const float, 1> losses, Array<const int32_t, 1> correct,
                  Array<const int32_t, 1> tested, Array<double, 1> norms, Array<uint64_t, 1> words,
                  Array<uint64_t, 1> lanes, int round, int codec, int boards, int reference,
                  float step) const {
    const size_t count = clients.shape(0), parameters = data_.shape.parameters();
    require(deltas.shape(0) == count && deltas.shape(1) == parameters && losses.shape(0) == count &&
                correct.shape(0) == count && tested.shape(0) == count && norms.shape(0) == count,
            "one value for each client");
    for (size_t i = 0; i < count; ++i) {
      require(clients.data()[i] >= 0 && static_cast<size_t>(clients.data()[i]) < data_.clients(),
              "no such client");
    }
    const SumScale scale = sum_scale(round, codec, boards, step);
    require(reference >= 1 && reference <= 0xFFFF, "reference is 1 to 65535");
    const bool lossy = is_lossy(scale.codec);
    require(!lossy || (residuals.shape(0) == data_.clients() && residuals.shape(1) == parameters),
            "lossy codecs need a residual for each client");
    add_up(scale, static_cast<uint16_t>(reference), count, words, lanes, [&](PlainSum& sum, size_t i) {
      if (std::isnan(norms.data()[i])) return;
      const int64_t client = clients.data()[i];
      const float* residual = lossy ? residuals.data() + static_cast<size_t>(client) * parameters : nullptr;
      const Told told = {static_cast<uint16_t>(data_.train_count(client)), losses.data()[i],
                         correct.data()[i], tested.data()[i]};
      if (!sum.add(told, residual, deltas.data() + i * parameters)) norms.data()[i] = NAN;
    });
  }

  // Adds weight * delta to the total, client after client; the threads divide the parameters.
  void add(Array<double, 1> total, Array<const float, 2> deltas, Array<const double, 1> weights) const {
    require(deltas.shape(1) == total.shape(0) && weights.shape(0) == deltas.shape(0),
            "one weight for each delta");
    const size_t parameters = total.shape(0), count = deltas.shape(0);
    nb::gil_scoped_release release;
    in_parallel(threads_, threads_, [&](size_t, size_t part) {
      const size_t first = parameters * part / threads_, last = parameters * (part + 1) / threads_;
      for (size_t k = 0; k < count; ++k) {
        const float* delta = deltas.data() + k * parameters;
        const double weight = weights.data()[k];
        double* sums = total.data();
        if (weight == 0.0) continue;
        for (size_t i = first; i < last; ++i) sums[i] += weight * static_cast<double>(delta[i]);
      }
    });
  }

 private:
  static SumScale sum_scale(int round, int codec, int boards, float step) {
    require(codec >= 0 && codec <= 255 && has_sums(static_cast<uint8_t>(codec)), "the codec has no sums");
    require(boards >= 1 && boards <= 0xFFFF, "boards is 1 to 65535");
    const SumScale scale = {static_cast<Codec>(codec), static_cast<uint16_t>(boards), step,
                            uplink_seed(0, static_cast<uint16_t>(round))};
    require(scale.valid(), "the step is 2^-64 to 2^64");
    return scale;
  }

  // Lets each thread sum up by `add(sum, i)`, for i = 0 .. count - 1, and gives the sums of all.
  template <typename Add>
  void add_up(const SumScale& scale, uint16_t reference, size_t count, Array<uint64_t, 1> words,
              Array<uint64_t, 1> lanes, const Add& add) const {
    const size_t parameters = data_.shape.parameters();
    require(words.shape(0) == kSumWords &&
                lanes.shape(0) == sum_layout(scale.codec, parameters, scale.boards, kSumWords).lanes,
            "words and lanes have another size");
    nb::gil_scoped_release release;
    std::vector<PlainSum> sums(threads_, PlainSum(scale, parameters, reference));
    in_parallel(threads_, count, [&](size_t thread, size_t i) { add(sums[thread], i); });
    for (const PlainSum& sum : sums) sum.give(words.data(), lanes.data());
  }

  void check_client(int64_t client) const {
    const int64_t* bounds = data_.bounds.data();
    const int64_t tests = data_.test_sizes.data()[client];
    require(bounds[client] >= 0 && tests >= 0 && bounds[client] + tests <= bounds[client + 1] &&
                bounds[client + 1] <= static_cast<int64_t>(data_.order.shape(0)),
            "bounds ascend within order");
  }

  void check_heads(const Array<const int64_t, 1>& clients, const Array<const float, 2>& heads,
                   const Array<const int32_t, 1>& version) const {
    require(heads.shape(1) == data_.shape.parameters(), "head has another size");
    require(version.shape(0) == clients.shape(0), "one version for each client");
    for (size_t i = 0; i < clients.shape(0); ++i) {
      const int64_t client = clients.data()[i];
      require(client >= 0 && static_cast<size_t>(client) < data_.clients(), "no such client");
      require(data_.train_count(client) >= 1 && data_.train_count(client) <= 0xFFFF, "1 to 65535 samples");
      require(static_cast<uint32_t>(version.data()[i]) < heads.shape(0), "no such version");
    }
  }

  // Largest first: lanes side by side then have about equal work, and no thread begins a long one at the end.
  std::vector<uint32_t> by_size(const int64_t* clients, size_t count) const {
    std::vector<uint32_t> members(count);
    std::iota(members.begin(), members.end(), 0u);
    std::stable_sort(members.begin(), members.end(), [&](uint32_t a, uint32_t b) {
      return data_.train_count(clients[a]) > data_.train_count(clients[b]);
    });
    return members;
  }

  Data data_;
  size_t threads_;
  LaneKernel kernel_;
};

}  // namespace

void bind_simulate(nb::module_& module) {
  nb::class_<Simulator>(module, "Simulator",
                        "Many clients over one array of samples; see bytefed.simulation.simulator.")
      .def(nb::init<Array<const int8_t, 2>, Array<const uint8_t, 1>, Array<const int32_t, 1>,
                    Array<const int64_t, 1>, Array<const int64_t, 1>, size_t, float, int, size_t, bool>(),
           nb::arg("features"), nb::arg("labels"), nb::arg("order"), nb::arg("bounds"), nb::arg("test_sizes"),
           nb::kw_only(), nb::arg("classes"), nb::arg("scale"), nb::arg("zero_point"), nb::arg("threads"),
           nb::arg("fast") = true)
      .def("train", &Simulator::train, nb::arg("clients"), nb::arg("seeds"), nb::arg("heads"),
           nb::arg("version"), nb::kw_only(), nb::arg("round"), nb::arg("epochs"), nb::arg("batch"),
           nb::arg("rate"), nb::arg("proximal_mu"), nb::arg("codec"), nb::arg("residuals"), nb::arg("deltas"),
           nb::arg("losses"), nb::arg("correct"), nb::arg("norms"), nb::arg("personal"),
           "Train clients, each from heads[version]; deltas, losses, correct and norms are written, "
           "residuals of\n"
           "lossy codecs brought up to date. If personal is not empty: how many own test samples each "
           "trained\n"
           "head classifies correctly.")
      .def("train_with_noise", &Simulator::train_with_noise, nb::arg("clients"), nb::arg("seeds"),
           nb::arg("heads"), nb::arg("version"), nb::kw_only(), nb::arg("round"), nb::arg("rate"),
           nb::arg("clip"), nb::arg("cost"), nb::arg("grid"), nb::arg("keys"), nb::arg("codec"),
           nb::arg("residuals"), nb::arg("deltas"), nb::arg("norms"))
      .def("add_shares", &Simulator::add_shares, nb::arg("deltas"), nb::arg("keys"), nb::arg("norms"),
           nb::arg("words"), nb::arg("lanes"), nb::kw_only(), nb::arg("round"), nb::arg("codec"),
           nb::arg("boards"), nb::arg("step"), nb::arg("grid"), nb::arg("cost"),
           "Do what add_hidden does for boards that bound their deltas and make a share of the noise each, "
           "by keys\n"
           "(uint8 [n, 32]). Deltas become zeros, and so do norms: training that diverged adds nothing, and "
           "counts.")
      .def("evaluate", &Simulator::evaluate, nb::arg("clients"), nb::arg("heads"), nb::arg("version"),
           nb::arg("correct"), "Write how many of its own test samples each client classifies correctly.")
      .def("add_hidden", &Simulator::add_hidden, nb::arg("clients"), nb::arg("deltas"), nb::arg("residuals"),
           nb::arg("losses"), nb::arg("correct"), nb::arg("tested"), nb::arg("norms"), nb::arg("words"),
           nb::arg("lanes"), nb::kw_only(), nb::arg("round"), nb::arg("codec"), nb::arg("boards"),
           nb::arg("reference"), nb::arg("step"),
           "Add what boards hide in a secure sum to words (uint64 [5]) and lanes; the masks are left out, "
           "for they\n"
           "cancel. Deltas become encoding errors if the codec is lossy. norms is NaN for clients that don't "
           "count,\n"
           "and becomes it where nothing finite is left to encode.")
      .def("add", &Simulator::add, nb::arg("total"), nb::arg("deltas"), nb::arg("weights"),
           "Add weights[k] * deltas[k] to total (float64 [P]), in the order of k.");
}
