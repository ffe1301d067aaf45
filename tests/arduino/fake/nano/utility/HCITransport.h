// The library's way to a BLE controller: bytes of H4 packets.
#pragma once
#include <cstddef>
#include <cstdint>

class HCITransportInterface {
 public:
  virtual int begin() = 0;
  virtual void end() = 0;
  virtual void wait(unsigned long timeout) = 0;
  virtual int available() = 0;
  virtual int peek() = 0;
  virtual int read() = 0;
  virtual size_t write(const uint8_t* data, size_t length) = 0;
};

extern HCITransportInterface& HCITransport;
