// The model, kept for the test to compare.
#pragma once

namespace tflite {

struct Model;
inline const void* given;
inline const Model* GetModel(const void* model) {
  given = model;
  return static_cast<const Model*>(model);
}

}  // namespace tflite
