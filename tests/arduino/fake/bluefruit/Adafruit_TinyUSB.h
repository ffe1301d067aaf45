#pragma once
#include <cstddef>
#include <cstdint>

struct FakeSerial {
  void begin(unsigned long) {}
  explicit operator bool() const;
  int available();
  int read();
  int availableForWrite();
  size_t write(const uint8_t* data, size_t length);
  void flush() {}
};
extern FakeSerial Serial;
