// The AES block cipher: key, clear text and cipher text lie one after the other in RAM.
// nRF52840 Product Specification, "ECB - AES electronic codebook mode encryption".
#include "chip/chip.h"
#include "peripherals/aes.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStart = 0x000;
constexpr uint32_t kStop = 0x004;
constexpr uint32_t kEnd = 0x100;
constexpr uint32_t kError = 0x104;
constexpr uint32_t kData = 0x504;

class Ecb : public Peripheral {
 public:
  explicit Ecb(Chip& chip)
      : Peripheral(chip, "ECB", 0x4000E000), alarm_(chip.events, [this] { raise(kEnd); }) {}

  void start(uint32_t task) override {
    if (task == kStop && alarm_.is_set()) {
      alarm_.stop();
      raise(kError);
    }
    if (task != kStart) return;
    uint8_t* data = chip().memory.ram_bytes(reg(kData), 48);
    if (!data) return raise(kError);
    aes_encrypt(data, data + 16, data + 32);
    alarm_.in(microseconds(7));
  }

  void reset(Reset kind) override {
    Peripheral::reset(kind);
    alarm_.stop();
  }

 private:
  Alarm alarm_;
};

}  // namespace

void fit_ecb(Chip& chip) {
  chip.fit<Ecb>();
}

}  // namespace emulator
