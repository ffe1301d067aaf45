// TensorFlow Lite Micro as far as tflm_features uses it. What it computes is not what is tested here: its
// features show each input.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "../common/world.h"
#include "bytefed_model.h"

enum TfLiteStatus { kTfLiteOk, kTfLiteError };
enum TfLiteType { kTfLiteInt8 };
struct TfLiteTensor {
  TfLiteType type;
  size_t bytes;
  struct {
    float scale;
    int32_t zero_point;
  } params;
  struct {
    int8_t* int8;
  } data;
};
enum { TFLITE_SCHEMA_VERSION = 3 };

namespace tflite {

struct Model {
  int version() const { return TFLITE_SCHEMA_VERSION; }
};
inline const Model* GetModel(const void*) {
  static const Model model;
  return &model;
}

struct Kernel {};
inline Kernel Register_AVERAGE_POOL_2D_INT8() {
  return {};
}
inline Kernel Register_CONV_2D_INT8() {
  return {};
}
inline Kernel Register_DEPTHWISE_CONV_2D_INT8() {
  return {};
}
inline Kernel Register_FULLY_CONNECTED_INT8() {
  return {};
}
inline Kernel Register_MAX_POOL_2D_INT8() {
  return {};
}

template <unsigned Room>
class MicroMutableOpResolver {
 public:
  TfLiteStatus AddAveragePool2D(Kernel) { return add(); }
  TfLiteStatus AddConv2D(Kernel) { return add(); }
  TfLiteStatus AddDepthwiseConv2D(Kernel) { return add(); }
  TfLiteStatus AddFullyConnected(Kernel) { return add(); }
  TfLiteStatus AddMaxPool2D(Kernel) { return add(); }

 private:
  TfLiteStatus add() { return count_++ < Room ? kTfLiteOk : kTfLiteError; }

  unsigned count_ = 0;
};

class MicroInterpreter {
 public:
  template <typename Resolver>
  MicroInterpreter(const Model*, const Resolver&, uint8_t* arena, size_t size)
      : arena_(reinterpret_cast<int8_t*>(arena)), size_(size) {}

  TfLiteStatus AllocateTensors() {
    using namespace bytefed_model;
    if (world.tensors > size_) return kTfLiteError;
    input_ = {kTfLiteInt8, kInputSize, {kInputScale, kInputZeroPoint}, {arena_}};
    output_ = {kTfLiteInt8, kFeatures, {kFeatureScale, kFeatureZeroPoint}, {arena_ + kInputSize}};
    return kTfLiteOk;
  }
  TfLiteTensor* input(size_t) { return &input_; }
  TfLiteTensor* output(size_t) { return &output_; }
  size_t arena_used_bytes() const { return world.tensors; }
  TfLiteStatus Invoke() {
    using namespace bytefed_model;
    for (unsigned i = 0; i < world.extractor_allocates; ++i) allocate(i);
    for (size_t i = 0; i < kFeatures; ++i) {
      output_.data.int8[i] = static_cast<int8_t>(arena_[i % kInputSize] ^ arena_[kInputSize - 1 - i]);
    }
    return kTfLiteOk;
  }

 private:
  static void allocate(unsigned i) {
    if (i % 2 == 0) {
      std::free(std::malloc(8));
    } else {
      delete new int(1);
    }
  }

  int8_t* arena_;
  size_t size_;
  TfLiteTensor input_, output_;
};

}  // namespace tflite
