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

static_assert(kMinClasses >= 2 && kMinClasses <= kMaxClasses, "a head has two classes or more");
static_assert(kMaxClasses <= 255, "a label is one byte");

}  // namespace bytefed
