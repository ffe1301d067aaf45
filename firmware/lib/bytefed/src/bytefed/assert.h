// Assertions in debug builds. <cassert> would bring much of the C library with it, for its message.
#pragma once

#ifdef BYTEFED_DEBUG

namespace bytefed {

// The application defines it; it must not return.
[[noreturn]] void assertion_failed(const char* file, int line);

}  // namespace bytefed

#define BYTEFED_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::bytefed::assertion_failed(__FILE__, __LINE__))

#else

#define BYTEFED_ASSERT(condition) static_cast<void>(0)

#endif
