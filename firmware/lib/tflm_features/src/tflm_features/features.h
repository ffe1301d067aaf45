// The frozen int8 feature extractor that the image was built with. Only this library uses TensorFlow Lite
// Micro. bytefed_model.h describes the model; tools/pio_model.py makes it from models/<name>/.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tflm_features {

// Places the model's tensors in the arena. False if they don't fit, or if the model is not the
// one that bytefed_model.h describes: then the board has no extractor.
bool start();

// Runs one inference: kInputSize int8 values in, kFeatures int8 features out. False if it fails.
bool extract(const int8_t* input, int8_t* features);

// Number of bytes of the arena that the tensors take, 0 before start().
size_t arena_used();

}  // namespace tflm_features
