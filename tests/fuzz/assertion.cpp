// The core's assertions hold here, too: one that fails is a fault.
#include <cstdio>
#include <cstdlib>

#include "bytefed/assert.h"

void bytefed::assertion_failed(const char* file, int line) {
  std::fprintf(stderr, "%s:%d: assertion failed\n", file, line);
  std::abort();
}
