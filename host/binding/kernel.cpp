// The training kernel as numpy functions.
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <cstring>
#include <stdexcept>
#include <vector>

#include "bindings.h"
#include "bytefed/learning/exact_math.h"
#include "bytefed/learning/self_test.h"
#include "bytefed/learning/shuffle.h"
#include "bytefed/learning/trainer.h"

namespace nb = nanobind;
using namespace bytefed;

namespace {

using Floats = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using ConstFloats = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Features = nb::ndarray<const int8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Labels = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

HeadShape checked_shape(size_t features, size_t classes, size_t parameters) {
  const HeadShape shape = {static_cast<uint16_t>(features), static_cast<uint8_t>(classes)};
  if (features > kMaxFeatures || classes > kMaxClasses || !shape.valid()) {
    throw std::invalid_argument("head shape out of range");
  }
  if (parameters != shape.parameters()) throw std::invalid_argument("head has another size");
  return shape;
}

// A store over a copy of the samples, all in the training split.
class OwnedStore {
 public:
  OwnedStore(const Features& x, const Labels& y, Quantization quantization, size_t classes)
      : memory_(x.shape(0) * SampleStore::record_size(static_cast<uint16_t>(x.shape(1)))),
        store_(memory_.data(), static_cast<uint16_t>(x.shape(0)), static_cast<uint16_t>(x.shape(1))) {
    if (x.shape(0) == 0 || x.shape(0) > 0xFFFF) throw std::invalid_argument("1 to 65535 samples");
    if (y.shape(0) != x.shape(0)) throw std::invalid_argument("as many labels as samples");
    store_.set_quantization(quantization);
    for (size_t i = 0; i < x.shape(0); ++i) {
      if (y.data()[i] >= classes) throw std::invalid_argument("a label is not below C");
      std::memcpy(store_.next(Split::kTrain), x.data() + i * x.shape(1), x.shape(1));
      store_.commit(Split::kTrain, y.data()[i]);
    }
  }
  const SampleStore& operator*() const { return store_; }

 private:
  std::vector<uint8_t> memory_;
  SampleStore store_;
};

std::tuple<float, int> train(Floats head, Features x, Labels y, size_t classes, float scale, int zero_point,
                             int epochs, int batch, float rate, uint32_t seed, int round, float proximal_mu) {
  const HeadShape shape = checked_shape(x.shape(1), classes, head.shape(0));
  if (epochs < 1 || epochs > 255 || batch < 1 || batch > 255) {
    throw std::invalid_argument("epochs and batch are 1 to 255");
  }
  const OwnedStore store(x, y, {scale, static_cast<int8_t>(zero_point)}, classes);
  const std::vector<float> anchor(head.data(), head.data() + head.shape(0));
  const TrainingConfig config = {
      static_cast<uint8_t>(epochs), static_cast<uint8_t>(batch), rate, seed, proximal_mu, anchor.data()};
  std::vector<float> workspace(training_workspace(shape, config.batch));
  Trainer trainer;
  nb::gil_scoped_release release;
  trainer.start(shape, head.data(), *store, config, static_cast<uint16_t>(round), workspace.data());
  while (trainer.step()) {
  }
  return {trainer.mean_loss(), trainer.correct()};
}

void logits_of(ConstFloats head, Features x, size_t classes, float scale, int zero_point, Floats out) {
  const HeadShape shape = checked_shape(x.shape(1), classes, head.shape(0));
  if (out.shape(0) != x.shape(0) * classes) throw std::invalid_argument("out has another size");
  const Quantization quantization = {scale, static_cast<int8_t>(zero_point)};
  for (size_t i = 0; i < x.shape(0); ++i) {
    logits(head.data(), x.data() + i * x.shape(1), quantization, shape, out.data() + i * classes);
  }
}

bool kernels_agree(ConstFloats head, Features x, size_t classes, int zero_point, ConstFloats g) {
  const HeadShape shape = checked_shape(x.shape(1), classes, head.shape(0));
  if (g.shape(0) != classes) throw std::invalid_argument("g has C values");
  const int8_t zero = static_cast<int8_t>(zero_point);
  std::vector<float> tuned(head.data(), head.data() + head.shape(0)), plain(tuned);
  std::vector<float> tuned_sums(classes), plain_sums(classes);
  for (size_t i = 0; i < x.shape(0); ++i) {
    const int8_t* q = x.data() + i * x.shape(1);
    weighted_sums(tuned.data(), q, zero, shape, tuned_sums.data());
    weighted_sums_plain(plain.data(), q, zero, shape, plain_sums.data());
    rank_one_update(tuned.data(), q, zero, shape, g.data());
    rank_one_update_plain(plain.data(), q, zero, shape, g.data());
  }
  return std::memcmp(tuned.data(), plain.data(), tuned.size() * sizeof(float)) == 0 &&
         std::memcmp(tuned_sums.data(), plain_sums.data(), classes * sizeof(float)) == 0;
}

void map(float (*function)(float), const ConstFloats& x, Floats& out) {
  if (out.shape(0) != x.shape(0)) throw std::invalid_argument("out has another size");
  for (size_t i = 0; i < x.shape(0); ++i) out.data()[i] = function(x.data()[i]);
}

}  // namespace

void bind_kernel(nb::module_& module) {
  module.def("train", &train, nb::arg("head"), nb::arg("x"), nb::arg("y"), nb::arg("classes"), nb::kw_only(),
             nb::arg("scale"), nb::arg("zero_point"), nb::arg("epochs"), nb::arg("batch"), nb::arg("rate"),
             nb::arg("seed"), nb::arg("round"), nb::arg("proximal_mu") = 0.0f,
             "Train `head` (float32 [P], changed in place) on x (int8 [n, D]), y (uint8 [n]);\n"
             "(mean loss, correct) of the last epoch.");
  module.def("logits", &logits_of, nb::arg("head"), nb::arg("x"), nb::arg("classes"), nb::kw_only(),
             nb::arg("scale"), nb::arg("zero_point"), nb::arg("out"),
             "Write the logits of x (int8 [n, D]) to out (float32 [n * C]).");
  module.def("kernels_agree", &kernels_agree, nb::arg("head"), nb::arg("x"), nb::arg("classes"),
             nb::arg("zero_point"), nb::arg("g"), "Whether the tuned loops give the bits of the plain ones.");
  module.def("arithmetic_is_exact", &arithmetic_is_exact,
             "Whether this build, on this processor, passes the core's self-test.");
  module.def(
      "exact_exp", [](ConstFloats x, Floats out) { map(exact_exp, x, out); }, nb::arg("x"), nb::arg("out"));
  module.def(
      "exact_log", [](ConstFloats x, Floats out) { map(exact_log, x, out); }, nb::arg("x"), nb::arg("out"));
  module.def(
      "shuffled",
      [](uint32_t seed, int round, int epoch, int count) {
        if (count < 1 || count > 0xFFFF) throw std::invalid_argument("count is 1 to 65535");
        const Shuffle shuffle(seed, static_cast<uint16_t>(round), static_cast<uint8_t>(epoch),
                              static_cast<uint16_t>(count));
        nb::list order;
        for (int i = 0; i < count; ++i) order.append(shuffle[static_cast<uint16_t>(i)]);
        return order;
      },
      nb::arg("seed"), nb::arg("round"), nb::arg("epoch"), nb::arg("count"),
      "The order in which an epoch visits `count` samples.");
}
