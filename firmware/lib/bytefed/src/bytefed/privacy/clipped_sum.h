// The sum of all samples' gradients, each clipped, in integers: what one sample adds has a norm that is known
// exactly, which is what noise has to hide (SPEC 7.4).
#pragma once
#include <cstring>

#include "bytefed/learning/sample_store.h"

namespace bytefed {

// Integers of 32 bits, P of them, in memory that holds a head's floats at other times; all sums are modulo
// 2^32.
class IntegerSums {
 public:
  IntegerSums() = default;
  explicit IntegerSums(float* memory) : at_(reinterpret_cast<uint8_t*>(memory)) {}

  void clear(size_t count) { std::memset(at_, 0, sizeof(uint32_t) * count); }
  void add(size_t index, uint32_t value) {
    uint32_t sum;
    std::memcpy(&sum, at_ + sizeof sum * index, sizeof sum);
    sum += value;
    std::memcpy(at_ + sizeof sum * index, &sum, sizeof sum);
  }
  int32_t get(size_t index) const {
    int32_t sum;
    std::memcpy(&sum, at_ + sizeof sum * index, sizeof sum);
    return sum;
  }
  // Puts a float in the place of a sum.
  void replace(size_t index, float value) { std::memcpy(at_ + sizeof value * index, &value, sizeof value); }

 private:
  uint8_t* at_ = nullptr;
};

// The bounds of one sample's gradient. clip is finite and above 0, grid 8..18.
struct Clipping {
  float clip;
  uint8_t grid;

  float delta() const { return static_cast<float>(1u << grid); }  // the clip in steps of the grid
};

// Adds one sample's clipped gradient, with a minus, to the sums. `z` has C floats, `a` C integers.
void add_clipped(const float* head, const Sample& sample, Quantization quantization, HeadShape shape,
                 Clipping clipping, float* z, int32_t* a, IntegerSums sums);

// The value of a bias' feature: what scale * value makes 1 of, as nearly as integers can.
uint32_t bias_value(float scale);

// Shrinks integers until the sum of their squares is at most `most`.
void shrink(int32_t* a, size_t count, uint64_t most);

}  // namespace bytefed
