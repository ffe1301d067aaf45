// The softmax head: shape, forward pass, and the two loops that all training time goes into.
#pragma once
#include "bytefed/limits.h"

namespace bytefed {

struct HeadShape {
  uint16_t features;  // D
  uint8_t classes;    // C

  constexpr size_t weights() const { return static_cast<size_t>(features) * classes; }
  constexpr size_t parameters() const { return weights() + classes; }  // P
  constexpr bool valid() const {
    return features >= 1 && features <= kMaxFeatures && classes >= kMinClasses && classes <= kMaxClasses;
  }
};

// The meaning of an int8 feature q: its real value is scale * (q - zero_point).
struct Quantization {
  float scale;
  int8_t zero_point;
};

// acc[c] = sum over i of W[i][c] * (q[i] - zero_point), i ascending. W is [D][C] row by row.
void weighted_sums(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* acc);

// W[i][c] += g[c] * (q[i] - zero_point).
void rank_one_update(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g);

// Both as plain loops; the tuned ones give the same bits.
void weighted_sums_plain(const float* W, const int8_t* q, int8_t zero_point, HeadShape shape, float* acc);
void rank_one_update_plain(float* W, const int8_t* q, int8_t zero_point, HeadShape shape, const float* g);

// z[c] = b[c] + scale * acc[c]. `head` holds W, then b: P floats.
void logits(const float* head, const int8_t* q, Quantization quantization, HeadShape shape, float* z);

// The first class with the largest logit.
size_t argmax(const float* z, size_t classes);

struct SampleLoss {
  float loss;    // cross-entropy
  bool correct;  // the label has the largest logit
};

// On entry z has logits, on exit minus the gradient of the loss by each logit, times rate. label <
// C.
SampleLoss softmax_gradient(float* z, size_t classes, uint8_t label, float rate);

// Adds the step of one sample's gradient g to the head. g is scaled in place.
void apply_gradient(float* head, const int8_t* q, Quantization quantization, HeadShape shape, float* g);

bool all_finite(const float* values, size_t count);
bool all_zero(const float* values, size_t count);

// Gives a head another number of classes, in place: columns that both shapes have stay, new ones are zeros.
// `head` has room for the larger shape; `features` is the same in both.
void resize_head(float* head, HeadShape from, HeadShape to);

}  // namespace bytefed
