// Tasks and events of pins: registers alone, since no pin of this board moves by itself.
// nRF52840 Product Specification, "GPIOTE - GPIO tasks and events".
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

class Gpiote : public Peripheral {
 public:
  explicit Gpiote(Chip& chip) : Peripheral(chip, "GPIOTE", 0x40006000) {}
};

}  // namespace

void fit_gpiote(Chip& chip) { chip.fit<Gpiote>(); }

}  // namespace emulator
