// The flash controller: erases pages, lets words be written, and stalls the processor meanwhile.
// nRF52840 Product Specification, "NVMC - Non-volatile memory controller".
#pragma once
#include "chip/flash_controller.h"
#include "chip/peripheral.h"

namespace emulator {

class Nvmc : public Peripheral, public FlashController {
 public:
  explicit Nvmc(Chip& chip);

  void reset(Reset kind) override;
  void write_flash(uint32_t address, unsigned size, uint32_t value) override;

  uint64_t erases() const { return erases_; }
  uint64_t words() const { return words_; }
  // Power is lost in the middle of the operation (a word or an erase) that comes after so many others.
  void cut_power_after(uint64_t operations) { operations_left_ = operations + 1; }

 protected:
  void on_write(uint32_t offset, uint32_t value) override;
  uint32_t on_read(uint32_t offset) override;

 private:
  void erase(uint8_t* bytes, uint32_t address);
  bool loses_power();

  uint64_t erases_ = 0;
  uint64_t words_ = 0;
  uint64_t operations_left_ = 0;  // 0: power stays
};

}  // namespace emulator
