// An interpreter that knows the answers: those that TensorFlow Lite Micro gave to the same inputs, from a
// file.
#pragma once
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

enum TfLiteStatus { kTfLiteOk, kTfLiteError };
struct TfLiteTensor {
  union {
    int8_t* int8;
    float* f;
  } data;
};

namespace tflite {

struct Model;

class MicroInterpreter {
 public:
  template <typename Resolver>
  MicroInterpreter(const Model*, const Resolver& resolver, uint8_t* arena, size_t size)
      : ops_(resolver.count), arena_(arena), size_(size) {}

  // Sizes of an input and an output stand in front of the answers.
  TfLiteStatus AllocateTensors() {
    std::ifstream file("answers.bin", std::ios::binary);
    answers_.assign(std::istreambuf_iterator<char>(file), {});
    if (ops_ == 0 || answers_.size() < 8) return kTfLiteError;
    std::memcpy(sizes_, answers_.data(), sizeof sizes_);
    if (sizes_[0] + sizes_[1] > size_) return kTfLiteError;
    input_.data.int8 = reinterpret_cast<int8_t*>(arena_ + sizes_[1]);
    output_.data.int8 = reinterpret_cast<int8_t*>(arena_);
    return kTfLiteOk;
  }
  TfLiteTensor* input(size_t) { return &input_; }
  TfLiteTensor* output(size_t) { return &output_; }
  TfLiteStatus Invoke() {
    for (size_t at = 8; at < answers_.size(); at += sizes_[0] + sizes_[1]) {
      if (std::memcmp(&answers_[at], input_.data.int8, sizes_[0]) != 0) continue;
      std::memcpy(output_.data.int8, &answers_[at + sizes_[0]], sizes_[1]);
      return kTfLiteOk;
    }
    return kTfLiteError;
  }

 private:
  unsigned ops_;
  uint8_t* arena_;
  size_t size_;
  std::vector<char> answers_;
  uint32_t sizes_[2];
  TfLiteTensor input_, output_;
};

}  // namespace tflite
