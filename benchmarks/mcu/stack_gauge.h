// Measures how deep the stack gets: fills the free part with a pattern, works, and looks how much of it is
// left.
#pragma once
#include <cstddef>
#include <cstdint>

extern "C" uint32_t stack_bottom;

// Bytes of stack that `work` needs, from this call's frame down.
template <typename Work>
__attribute__((noinline)) size_t stack_depth(Work work) {
  constexpr uint32_t kPattern = 0xDEADBEEFu;
  uint32_t* const top = static_cast<uint32_t*>(__builtin_frame_address(0)) - 16;
  for (uint32_t* word = &stack_bottom; word < top; ++word) *word = kPattern;
  work();
  const uint32_t* deepest = &stack_bottom;
  while (deepest < top && *deepest == kPattern) ++deepest;
  return sizeof(uint32_t) * static_cast<size_t>(top - deepest);
}
