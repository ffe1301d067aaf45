// A chip on a two-wire bus, such as a sensor: what the controllers TWI and TWIM talk to.
#pragma once
#include <cstdint>

namespace emulator {

class TwiDevice {
 public:
  virtual ~TwiDevice() = default;
  virtual uint8_t address() const = 0;  // 7 bits
  // A start condition (or a repeated one) with this device's address. False: it does not acknowledge.
  virtual bool start(bool reading) = 0;
  // A byte from the controller. False: it is not acknowledged.
  virtual bool write(uint8_t byte) = 0;
  virtual uint8_t read() = 0;
  virtual void stop() = 0;
};

}  // namespace emulator
