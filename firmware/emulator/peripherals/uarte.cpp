// UARTE0 and UARTE1, as UART too: what an image prints is a note, and nothing is ever received.
// nRF52840 Product Specification, "UARTE - Universal asynchronous receiver/transmitter with EasyDMA" and
// "UART".
#include <string>

#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

constexpr uint32_t kStartReceiver = 0x000;
constexpr uint32_t kStopReceiver = 0x004;
constexpr uint32_t kStartTransmitter = 0x008;
constexpr uint32_t kStopTransmitter = 0x00C;
constexpr uint32_t kEndReceiver = 0x110;
constexpr uint32_t kSent = 0x11C;  // TXDRDY
constexpr uint32_t kEndTransmitter = 0x120;
constexpr uint32_t kReceiverTimeout = 0x144;
constexpr uint32_t kReceiverStarted = 0x14C;
constexpr uint32_t kTransmitterStarted = 0x150;
constexpr uint32_t kTransmitterStopped = 0x158;
constexpr uint32_t kEnable = 0x500;
constexpr uint32_t kByte = 0x51C;
constexpr uint32_t kBaudrate = 0x524;
constexpr uint32_t kReceivedAmount = 0x53C;
constexpr uint32_t kPointer = 0x544;
constexpr uint32_t kCount = 0x548;
constexpr uint32_t kAmount = 0x54C;
constexpr uint32_t kWithDma = 8;

class Uarte : public Peripheral {
 public:
  Uarte(Chip& chip, uint32_t base)
      : Peripheral(chip, "UARTE", base), sent_(chip.events, [this] { sent(); }) {}

  void start(uint32_t task) override {
    if (task == kStartTransmitter && reg(kEnable) == kWithDma) transmit();
    if (task == kStopTransmitter) stop();
    if (task == kStartReceiver && reg(kEnable) == kWithDma) raise(kReceiverStarted);
    if (task == kStopReceiver) {
      reg(kReceivedAmount) = 0;
      if (reg(kEnable) == kWithDma) raise(kEndReceiver);
      raise(kReceiverTimeout);
    }
  }

  void reset(Reset kind) override {
    Peripheral::reset(kind);
    sent_.stop();
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
    raise(kTransmitterStarted);
    sent_.in(count * byte_time());
  }

  void sent() {
    reg(kAmount) = reg(kCount) & 0xFFFF;
    raise(kSent);
    raise(kEndTransmitter);
  }

  void stop() {
    if (sent_.is_set()) sent();
    sent_.stop();
    raise(kTransmitterStopped);
  }

  // Ten bits a byte. BAUDRATE is the rate in units of 16 MHz / 2^32.
  Cycles byte_time() const {
    const uint64_t rate = uint64_t{reg(kBaudrate)} * 16'000'000 >> 32;
    return rate ? 10 * kCyclesPerSecond / rate : 0;
  }

  void print(char character) {
    if (character == '\n') {
      chip().note("UART: %s", line_.c_str());
      line_.clear();
    } else if (character != '\r') {
      line_ += character;
    }
  }

  Alarm sent_;
  std::string line_;
};

}  // namespace

void fit_uarte(Chip& chip, uint32_t base) {
  chip.fit<Uarte>(base);
}

}  // namespace emulator
