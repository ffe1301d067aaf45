// The discrete Gaussian distribution, drawn exactly: no float, no table, no approximation (SPEC 7.5).
//
// Canonne, Kamath, Steinke: "The Discrete Gaussian for Differential Privacy" (NeurIPS 2020), algorithms 1
// to 3.
#pragma once
#include "bytefed/privacy/random_stream.h"

namespace bytefed {

constexpr uint32_t kLargestSigma = 1u << 24;

// An integer y with a probability proportional to exp(-y^2 / (2 sigma^2)). sigma is 1..kLargestSigma.
int32_t discrete_gaussian(RandomStream& random, uint32_t sigma);

// The steps of it, which tests look at.

// An integer below m, all of them equally likely. m is at least 1.
uint64_t uniform_below(RandomStream& random, uint64_t m);
// True with probability exp(-a / b). a <= b, b at least 1.
bool bernoulli_exp(RandomStream& random, uint64_t a, uint64_t b);
// An integer y with a probability proportional to exp(-|y| / t). t is at least 1.
int64_t discrete_laplace(RandomStream& random, uint32_t t);

}  // namespace bytefed
