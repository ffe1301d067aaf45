// The two ports of pins. An input is high (all buttons have pull-ups) unless someone holds it low.
// nRF52840 Product Specification, "GPIO - General purpose input/output".
#pragma once
#include <array>

#include "chip/peripheral.h"

namespace emulator {

class Gpio : public Peripheral {
 public:
  explicit Gpio(Chip& chip);

  uint32_t read(uint32_t offset) override;
  void write(uint32_t offset, uint32_t value) override;
  void reset(Reset kind) override;

  // Pins 0 to 31 are those of P0, 32 to 47 those of P1.
  void set_input(int pin, bool high);
  bool output(int pin) const { return ports_[pin / 32].out >> pin % 32 & 1; }

 private:
  struct Port {
    uint32_t out = 0;
    uint32_t direction = 0;
    uint32_t in = ~0u;
  };
  std::array<Port, 2> ports_;
};

}  // namespace emulator
