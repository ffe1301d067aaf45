// The training kernel (SPEC 7) on eight clients at once, one in each lane of a vector. Every lane does
// exactly the operations of the core's Trainer in the same order, so its bits are the same; tests compare
// them.
#pragma once
#include <cstddef>
#include <cstdint>

// Only plain types are used here: the kernel behind it is compiled once for each kind of processor.

constexpr size_t kLanes = 8;

// One mini-batch of each lane. Arrays of [..][kLanes] floats are aligned to 32 bytes.
struct LaneStep {
  size_t features, classes;
  size_t samples;        // of the largest batch
  float scale;           // of the features, above 0
  int32_t zero_point;    // of the features
  float pull;            // rate * proximal_mu of FedProx, 0 for none
  const float* anchors;  // [P][kLanes]: the heads that it pulls to

  const int8_t* const* rows;  // [samples][kLanes]; a lane without a sample has a row of zero points,
  const int32_t* labels;      // [samples][kLanes]; and the label -1
  const float* rate;          // [kLanes]: learning rate / batch size

  float* heads;      // [P][kLanes], changed
  float* loss;       // [kLanes], added to
  int32_t* correct;  // [kLanes], added to
  float* x;          // [samples][D][kLanes]: workspace
  float* gradient;   // [samples][C][kLanes]: workspace
};

namespace lanes_baseline {
void step(const LaneStep& work);
}
namespace lanes_avx2 {
void step(const LaneStep& work);
}
