// The controller of an outer flash chip that is not there: every transfer ends at once and brings nothing.
// nRF52840 Product Specification, "QSPI - Quad serial peripheral interface".
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kReady = 0x100;
constexpr uint32_t kStatus = 0x604;
constexpr uint32_t kInstruction = 0x634;  // CINSTRCONF: writing it sends an instruction
constexpr uint32_t kIsReady = 8;

class Qspi : public Peripheral {
 public:
  explicit Qspi(Chip& chip) : Peripheral(chip, "QSPI", 0x40029000) {}

  void start(uint32_t) override { raise(kReady); }

 protected:
  void on_write(uint32_t offset, uint32_t) override {
    if (offset == kInstruction) raise(kReady);
  }
  uint32_t on_read(uint32_t offset) override { return offset == kStatus ? kIsReady : reg(offset); }
};

}  // namespace

void fit_qspi(Chip& chip) {
  chip.fit<Qspi>();
}

}  // namespace emulator
