// A board's part of a sum that hides whole boards (SPEC 11.5): values as integers of a bounded norm, and a
// share of the noise, which only all shares together make whole.
//
// Kairouz, Liu, Steinke: "The Distributed Discrete Gaussian Mechanism for Federated Learning with Secure
// Aggregation" (ICML 2021).
#pragma once
#include "bytefed/privacy/noisy_pass.h"

namespace bytefed {

// Boards that have to be left in a sum of so many, so that their shares are the whole noise.
uint16_t least_survivors(uint16_t boards);

// Turns `count` values into integers in their place, in units of `step`; together they have a norm of at most
// 2^grid, exactly, and are zeros where the values have none.
void bound(float* values, size_t count, float step, uint8_t grid);

}  // namespace bytefed
