// The bytes that a fuzzer gives, taken one by one; when they are over, zeros.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  size_t bytes(uint8_t* out, size_t length) {
    const size_t taken = length < size_ ? length : size_;
    if (taken != 0) std::memcpy(out, data_, taken);
    data_ += taken;
    size_ -= taken;
    return taken;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};
