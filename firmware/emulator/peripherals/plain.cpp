// A page of registers that keep what is written and do nothing: for peripherals that images configure but do
// not use.
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

class Plain : public Peripheral {
 public:
  using Peripheral::Peripheral;

  uint32_t read(uint32_t offset) override { return reg(offset); }
  void write(uint32_t offset, uint32_t value) override { reg(offset) = value; }
};

}  // namespace

void fit_plain(Chip& chip, const char* name, uint32_t base) {
  chip.fit<Plain>(name, base);
}

}  // namespace emulator
