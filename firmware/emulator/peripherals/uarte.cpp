// UARTE0 and UARTE1, as UART too: what an image prints is a note, and nothing is ever received.
// nRF52840 Product Specification, "UARTE - Universal asynchronous receiver/transmitter with EasyDMA" and "UART".
#include <string>

#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStopReceiver = 0x004;
constexpr uint32_t kStartTransmitter = 0x008;
constexpr uint32_t kStopTransmitter = 0x00C;
constexpr uint32_t kSent = 0x11C;  // TXDRDY
constexpr uint32_t kEndTransmitter = 0x120;
constexpr uint32_t kReceiverTimeout = 0x144;
constexpr uint32_t kTransmitterStarted = 0x150;
constexpr uint32_t kTransmitterStopped = 0x158;
constexpr uint32_t kEnable = 0x500;
constexpr uint32_t kByte = 0x51C;
constexpr uint32_t kPointer = 0x544;
constexpr uint32_t kCount = 0x548;
constexpr uint32_t kAmount = 0x54C;
constexpr uint32_t kWithDma = 8;

class Uarte : public Peripheral {
 public:
  Uarte(Chip& chip, uint32_t base) : Peripheral(chip, "UARTE", base) {}

  void start(uint32_t task) override {
    if (task == kStartTransmitter && reg(kEnable) == kWithDma) transmit();
    if (task == kStopTransmitter) raise(kTransmitterStopped);
    if (task == kStopReceiver) raise(kReceiverTimeout);
  }

 protected:
  void on_write(uint32_t offset, uint32_t value) override {
    if (offset != kByte) return;
    print(static_cast<char>(value));
    raise(kSent);
  }

 private:
  void transmit() {
    const uint32_t count = reg(kCount) & 0xFFFF;
    const uint8_t* bytes = chip().memory.ram_bytes(reg(kPointer), count);
    for (uint32_t i = 0; bytes && i < count; ++i) print(static_cast<char>(bytes[i]));
    reg(kAmount) = count;
    raise(kTransmitterStarted);
    raise(kEndTransmitter);
    raise(kSent);
  }

  void print(char character) {
    if (character == '\n') {
      chip().note("UART: %s", line_.c_str());
      line_.clear();
    } else if (character != '\r') {
      line_ += character;
    }
  }

  std::string line_;
};

}  // namespace

void fit_uarte(Chip& chip, uint32_t base) { chip.fit<Uarte>(base); }

}  // namespace emulator
