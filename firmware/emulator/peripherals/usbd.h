// The USB device controller, between the firmware (registers, EasyDMA) and a wire on which a host talks.
// nRF52840 Product Specification, "USBD - Universal serial bus device".
#pragma once
#include <array>
#include <functional>
#include <vector>

#include "chip/peripheral.h"

namespace emulator {

constexpr uint32_t kUsbPacket = 64;  // bytes at most, full speed
using UsbBytes = std::vector<uint8_t>;

enum class UsbAnswer { kNotNow, kDone, kStall };

// The time that a packet of so many bytes takes on the wire at 12 Mbit/s, with token and handshake.
constexpr Cycles usb_wire_time(size_t bytes) {
  return (bytes + 12) * 8 * 64 / 12;
}

class Usbd : public Peripheral {
 public:
  explicit Usbd(Chip& chip);

  // --- The wire, for a host. `told` is called when the pull-up changes, and when the firmware did something
  // that the host may have waited for.
  void connect(std::function<void()> told) { told_ = std::move(told); }
  bool is_attached() const { return attached_; }
  void bus_reset();
  void start_of_frame();
  // A control transfer: the setup packet, the data stage by `control_in` or `control_out`, then `status`.
  void setup(const std::array<uint8_t, 8>& packet);
  UsbAnswer control_in(UsbBytes* data);
  UsbAnswer control_out(const uint8_t* data, uint32_t size);
  UsbAnswer status();
  UsbAnswer in(int endpoint, UsbBytes* data);
  UsbAnswer out(int endpoint, const uint8_t* data, uint32_t size);
  // When a packet that `out` did not take can be taken; kNever if the firmware has to do something first.
  Cycles accepts_at(int endpoint, uint32_t size) const;

  // --- The firmware
  void start(uint32_t task) override;
  void write(uint32_t offset, uint32_t value) override;
  void reset(Reset kind) override;

 protected:
  void on_write(uint32_t offset, uint32_t value) override;
  uint32_t on_read(uint32_t offset) override;

 private:
  struct InBuffer {
    UsbBytes bytes;
    bool full = false;
    bool stalled = false;
  };
  struct OutBuffer {
    UsbBytes bytes;
    bool full = false;
    bool accepts = false;
    bool stalled = false;
    Cycles free_since = 0;
  };

  void dma_in(uint32_t endpoint);
  void dma_out(uint32_t endpoint);
  void control_data_done();
  void set_stall(uint32_t value);
  void attach(bool on);
  void tell() {
    if (told_) told_();
  }

  std::function<void()> told_;
  bool attached_ = false;
  std::array<InBuffer, 8> in_;
  std::array<OutBuffer, 8> out_;
  bool control_receives_ = false;  // EP0RCVOUT
  bool control_status_ = false;    // EP0STATUS
  bool control_stalled_ = false;
};

}  // namespace emulator
