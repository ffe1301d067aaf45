// A resolver that takes as many operators as it has room for.
#pragma once
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace tflite {

template <unsigned Room>
struct MicroMutableOpResolver {
  TfLiteStatus AddAveragePool2D() { return add(); }
  TfLiteStatus AddConv2D() { return add(); }
  TfLiteStatus AddDepthwiseConv2D() { return add(); }
  TfLiteStatus AddDequantize() { return add(); }
  TfLiteStatus AddFullyConnected() { return add(); }
  TfLiteStatus AddMaxPool2D() { return add(); }
  TfLiteStatus AddReshape() { return add(); }
  TfLiteStatus add() { return count++ < Room ? kTfLiteOk : kTfLiteError; }

  unsigned count = 0;
};

}  // namespace tflite
