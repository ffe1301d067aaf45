// The frozen int8 feature extractor that the image was built with: nobody else sees TensorFlow Lite
// Micro. What model it is, is in bytefed_model.h, which tools/pio_model.py makes of models/<name>/.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tflm_features {

// Places the model's tensors in the arena. False when they don't fit, or when the model is not the
// one that bytefed_model.h describes: then the board has no extractor.
bool start();

// One inference: kInputSize int8 values in, kFeatures int8 features out. False when it fails.
bool extract(const int8_t* input, int8_t* features);

// Bytes of the arena that the tensors took, 0 before start().
size_t arena_used();

}  // namespace tflm_features
