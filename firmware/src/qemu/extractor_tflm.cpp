#include "bytefed_model.h"
#include "console.h"
#include "extractor.h"
#include "tflm_features/features.h"

void add_extractor(bytefed::Identity* identity, bytefed::Port* port) {
  using namespace bytefed_model;
  if (!tflm_features::start()) fatal("the model does not fit its arena");
  identity->capabilities |= bytefed::Board::kExtractor;
  identity->model = kHash;
  identity->input_size = kInputSize;
  identity->features = {kFeatureScale, kFeatureZeroPoint};
  port->extract = [](void*, const int8_t* input, int8_t* features) {
    return tflm_features::extract(input, features);
  };
}

// The output of TensorFlow Lite Micro's log.
extern "C" void DebugLog(const char* text) {
  print(text);
}
