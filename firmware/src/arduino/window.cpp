#include "window.h"

#include <cmath>
#include <cstring>

namespace {

// Rounds as the host does, in float32 (models/README.md, rule 6).
int8_t quantize(float value) {
  const float q = std::floor(value / bytefed_model::kInputScale + 0.5f) +
                  static_cast<float>(bytefed_model::kInputZeroPoint);
  return static_cast<int8_t>(q < -128.0f ? -128.0f : q > 127.0f ? 127.0f : q);
}

}  // namespace

void Window::start(uint32_t now) {
  next_ = 0;
  wanted_ = kSteps;
  due_ = now;
}

void Window::tick(uint32_t now) {
  if (wanted_ == 0 || static_cast<int32_t>(now - due_) < 0) return;
  float axes[kAxes];
  if (!sensor::read(axes)) return;  // not ready: the next step tries again
  for (size_t axis = 0; axis < kAxes; ++axis) readings_[next_][axis] = quantize(axes[axis]);
  next_ = (next_ + 1) % kSteps;
  --wanted_;
  due_ += kPeriod;
  if (static_cast<int32_t>(now - due_) > static_cast<int32_t>(kPeriod)) due_ = now + kPeriod;  // fell behind
}

bool Window::take(int8_t* input) {
  if (wanted_ > 0) return false;
  const size_t first = kSteps - next_;  // readings from the oldest to the end of the ring
  std::memcpy(input, readings_[next_], first * kAxes);
  std::memcpy(input + first * kAxes, readings_[0], next_ * kAxes);
  wanted_ = kHop;
  return true;
}
