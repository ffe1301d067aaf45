// The two ports of pins. Nothing is wired to them: a pin hears its own driver, or the board's pull resistors
// and its own. nRF52840 Product Specification, "GPIO - General purpose input/output".
#pragma once
#include <array>
#include <functional>
#include <optional>

#include "chip/peripheral.h"

namespace emulator {

class Gpio : public Peripheral {
 public:
  static constexpr int kPins = 48;  // 0 to 31 are those of P0, 32 to 47 those of P1

  explicit Gpio(Chip& chip);

  uint32_t read(uint32_t offset) override;
  void write(uint32_t offset, uint32_t value) override;
  void reset(Reset kind) override;

  // Someone outside drives a pin, or lets go of it.
  void set_input(int pin, bool high);
  void release_input(int pin);
  bool output(int pin) const { return pins_[static_cast<size_t>(pin)].out; }

  // The level that a pin hears now; false while its input buffer is off.
  bool level(int pin) const;
  // GPIOTE drives a pin in place of OUT, or gives it back.
  void drive(int pin, std::optional<bool> high);
  // Sets the listeners: to changes of a pin's level, and to the first pin that meets its SENSE condition
  // (DETECT).
  void listen(std::function<void(int pin, bool high)> on_change, std::function<void()> on_detect);

 private:
  struct Pin {
    uint32_t configuration = 2;  // PIN_CNF: the input buffer is off
    bool out = false;
    bool latched = false;
    bool heard = false;
    std::optional<bool> outside;
    std::optional<bool> driven;
  };

  uint32_t gather(int port, bool (*of)(const Pin&)) const;
  uint32_t levels(int port) const;
  void change(int port, uint32_t mask, void (*how)(Pin&, bool), uint32_t value);
  bool write_port(int port, uint32_t offset, uint32_t value);
  bool senses(int pin) const;
  // Brings events of pins, LATCH and DETECT up to date after a change.
  void settle();

  std::array<Pin, kPins> pins_;
  bool detected_ = false;
  std::function<void(int, bool)> on_change_;
  std::function<void()> on_detect_;
};

}  // namespace emulator
