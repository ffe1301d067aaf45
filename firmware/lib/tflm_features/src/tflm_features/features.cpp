#include "tflm_features/features.h"

#include <cstring>

#if __has_include(<Arduino.h>)  // Arduino's tools find the library by this header
#include <Chirale_TensorFlowLite.h>
#endif

#include "bytefed/protocol/crc.h"
#include "bytefed_model.h"
#include "tensorflow/lite/micro/kernels/conv.h"
#include "tensorflow/lite/micro/kernels/depthwise_conv.h"
#include "tensorflow/lite/micro/kernels/fully_connected.h"
#include "tensorflow/lite/micro/kernels/pooling.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
// Must come after the includes above.
#include "bytefed_model_data.h"

namespace tflm_features {
namespace {

using namespace bytefed_model;

alignas(16) uint8_t arena[kArenaBytes];
tflite::MicroInterpreter* interpreter;  // null: no extractor

bool is_int8(const TfLiteTensor* tensor, size_t size) {
  return tensor != nullptr && tensor->type == kTfLiteInt8 && tensor->bytes == size;
}

bool has_scale(const TfLiteTensor* tensor, float scale, int32_t zero_point) {
  return tensor->params.scale == scale && tensor->params.zero_point == zero_point;
}

}  // namespace

bool start() {
  if (bytefed::crc32(kModel, sizeof kModel) != kHash) return false;
  const tflite::Model* model = tflite::GetModel(kModel);
  if (model->version() != TFLITE_SCHEMA_VERSION) return false;
  static tflite::MicroMutableOpResolver<kOps> resolver;
  if (!register_ops(resolver)) return false;
  static tflite::MicroInterpreter built(model, resolver, arena, sizeof arena);
  if (built.AllocateTensors() != kTfLiteOk) return false;
  if (!is_int8(built.input(0), kInputSize) || !is_int8(built.output(0), kFeatures) ||
      !has_scale(built.input(0), kInputScale, kInputZeroPoint) ||
      !has_scale(built.output(0), kFeatureScale, kFeatureZeroPoint)) {
    return false;
  }
  interpreter = &built;
  return true;
}

bool extract(const int8_t* input, int8_t* features) {
  if (interpreter == nullptr) return false;
  std::memcpy(interpreter->input(0)->data.int8, input, kInputSize);
  if (interpreter->Invoke() != kTfLiteOk) return false;
  std::memcpy(features, interpreter->output(0)->data.int8, kFeatures);
  return true;
}

size_t arena_used() {
  return interpreter == nullptr ? 0 : interpreter->arena_used_bytes();
}

}  // namespace tflm_features

// The output of the library's log; for Mbed, the library brings its own.
#ifdef ARDUINO_NRF52_ADAFRUIT
extern "C" void DebugLog(const char*) {}
#endif
