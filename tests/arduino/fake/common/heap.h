// The heap of what surrounds the board: the board's own allocator does not see it, and so can count what the
// app asks for.
#pragma once
#include <cstddef>
#include <cstdlib>

extern "C" void* __real_malloc(size_t size);

template <typename T>
struct OutsideTheBoard {
  using value_type = T;

  OutsideTheBoard() = default;
  template <typename U>
  OutsideTheBoard(const OutsideTheBoard<U>&) {}  // NOLINT(google-explicit-constructor): as allocators are

  T* allocate(size_t count) { return static_cast<T*>(__real_malloc(count * sizeof(T))); }
  void deallocate(T* at, size_t) { std::free(at); }
  template <typename U>
  bool operator==(const OutsideTheBoard<U>&) const {
    return true;
  }
  template <typename U>
  bool operator!=(const OutsideTheBoard<U>&) const {
    return false;
  }
};
