// Compile-time limits of the core; the build may set each of them.
#pragma once
#include <cstddef>
#include <cstdint>

#ifndef BYTEFED_MAX_CLASSES
#define BYTEFED_MAX_CLASSES 64
#endif
#ifndef BYTEFED_MIN_CLASSES  // an image for one head sets both limits to it and so saves the loops of all
                             // other heads
#define BYTEFED_MIN_CLASSES 2
#endif
#ifndef BYTEFED_MAX_FEATURES
#define BYTEFED_MAX_FEATURES 4096
#endif

namespace bytefed {

constexpr size_t kMinClasses = BYTEFED_MIN_CLASSES;
constexpr size_t kMaxClasses = BYTEFED_MAX_CLASSES;
constexpr size_t kMaxFeatures = BYTEFED_MAX_FEATURES;

constexpr uint8_t kProtocolVersion = 1;
constexpr uint32_t kVisit = 0;     // a HELLO's run: look, and leave the round as it is
constexpr size_t kMaxFrame = 250;  // header and body; with its CRC-16, COBS adds exactly one byte
constexpr size_t kMinFrame = 20;   // the largest value in an ATT MTU of 23
constexpr size_t kMaxWindow = 32;  // chunks; each has a bit in a 32-bit word
constexpr size_t kMaxChunks =
    4095;  // the index in a data header has 12 bits, and a final ACK's index is the number of chunks

static_assert(kMinClasses >= 2 && kMinClasses <= kMaxClasses, "a head has two classes or more");
static_assert(kMaxClasses <= 255, "a label is one byte");

}  // namespace bytefed
