// The core's ring of characters. The library looks for room before it stores.
#pragma once
#include <cstdint>
#include <deque>

template <int Size>
class RingBufferN {
 public:
  void clear() { bytes_.clear(); }
  void store_char(uint8_t byte) { bytes_.push_back(byte); }
  int available() const { return static_cast<int>(bytes_.size()); }
  int availableForStore() const { return Size - available(); }
  int peek() const { return bytes_.empty() ? -1 : bytes_.front(); }
  int read_char() {
    const int byte = peek();
    if (byte >= 0) bytes_.pop_front();
    return byte;
  }

 private:
  std::deque<uint8_t> bytes_;
};
