// EGU0 to EGU5: software's way to raise interrupts.
// nRF52840 Product Specification, "EGU - Event generator unit".
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

class Egu : public Peripheral {
 public:
  Egu(Chip& chip, uint32_t base) : Peripheral(chip, "EGU", base) {}

  void start(uint32_t task) override {
    if (task < 0x40) raise(0x100 + task);
  }
};

}  // namespace

void fit_egu(Chip& chip, uint32_t base) {
  chip.fit<Egu>(base);
}

}  // namespace emulator
