// AAR and CCM, which share a page: only as far as advertising and unencrypted connections need them. No
// address is ever resolved, nothing is encrypted; pairing stays unproven. nRF52840 Product Specification,
// "AAR - Accelerated address resolver" and "CCM - AES CCM mode encryption".
#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStart = 0x000;
constexpr uint32_t kEnd = 0x100;
constexpr uint32_t kNotResolved = 0x108;
constexpr uint32_t kEnable = 0x500;
constexpr uint32_t kAar = 3;

class AarCcm : public Peripheral {
 public:
  explicit AarCcm(Chip& chip) : Peripheral(chip, "AAR/CCM", 0x4000F000) {}

  void start(uint32_t task) override {
    if (task != kStart) return;
    raise(kEnd);
    if (reg(kEnable) == kAar) raise(kNotResolved);
  }
};

}  // namespace

void fit_aar_ccm(Chip& chip) {
  chip.fit<AarCcm>();
}

}  // namespace emulator
