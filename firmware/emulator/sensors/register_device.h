// A device on a two-wire bus that is a file of registers, as most sensors are: the first byte that is written
// says which one, those behind it are written to it and to its successors, and reading goes on from there.
#pragma once
#include <cstdint>

#include "peripherals/twi_device.h"

namespace emulator {

class RegisterDevice : public TwiDevice {
 public:
  explicit RegisterDevice(uint8_t address) : address_(address) {}

  uint8_t address() const override { return address_; }
  bool start(bool reading) override;
  bool write(uint8_t byte) override;
  uint8_t read() override;
  void stop() override {}

 protected:
  virtual uint8_t get(uint8_t index) = 0;
  virtual void set(uint8_t index, uint8_t value) = 0;
  // The index in the byte that selects a register, and true if the next byte belongs to the next register.
  virtual uint8_t index_of(uint8_t selector) const { return selector; }
  virtual bool increments(uint8_t selector, uint8_t) const { return selector < 0xFF; }
  // A new transfer begins: what is read in it belongs together.
  virtual void begin() {}

 private:
  void advance();

  uint8_t address_;
  uint8_t selector_ = 0;
  uint8_t index_ = 0;
  bool selected_ = false;
};

}  // namespace emulator
