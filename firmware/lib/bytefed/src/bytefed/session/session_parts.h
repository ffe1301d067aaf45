// What several parts of a session need.
#pragma once
#include "bytefed/session/session.h"

namespace bytefed {

inline uint16_t saturate(uint64_t value) {
  return static_cast<uint16_t>(value < 0xFFFFu ? value : 0xFFFFu);
}

// Of the `kind` of ADD and of CAPTURE.
inline Split split_of(uint8_t kind) {
  return (kind & Add::kTest) != 0 ? Split::kTest : Split::kTrain;
}

}  // namespace bytefed
