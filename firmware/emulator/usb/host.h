// The host's side of the USB: bus reset, enumeration, frames, control transfers, packets for the drivers.
// USB 2.0 Specification, 8 "Protocol Layer" and 9 "USB Device Framework".
//
// It lives in the chip's virtual time. It does not poll endpoints that have nothing: the device controller
// tells when the firmware did something. Packets take the time that they take on a wire.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "peripherals/usbd.h"
#include "usb/function.h"

namespace emulator {

struct UsbRequest {
  std::array<uint8_t, 8> setup;
  UsbBytes data;                                       // what goes to the device
  std::function<void(bool ok, const UsbBytes&)> done;  // may be empty
};

class UsbHost {
 public:
  UsbHost(Chip& chip, Usbd& device);

  // A driver; it must outlive the host.
  void add(UsbFunction& function) { functions_.push_back(&function); }

  // Transfers for drivers.
  void request(UsbRequest request);
  UsbAnswer in(int endpoint, UsbBytes* data);
  UsbAnswer out(int endpoint, const uint8_t* data, size_t size);
  void wake();  // there is something to send, or to take now

  bool is_configured() const { return state_ == State::kConfigured; }
  uint16_t vendor() const { return vendor_; }
  uint16_t product() const { return product_; }
  uint64_t bytes_in() const { return bytes_in_; }
  uint64_t bytes_out() const { return bytes_out_; }

 private:
  enum class State { kDetached, kDebouncing, kResetting, kEnumerating, kConfigured };
  enum class Stage { kNone, kData, kStatus };

  void device_told();
  void turn();
  void frame();
  void enumerate();
  void configure(const UsbBytes& descriptor);
  void configured(bool ok);
  void detach();
  bool step_control();
  bool step_data();
  void finish_control(bool ok);
  void get_descriptor(uint8_t kind, uint8_t index, uint16_t length,
                      std::function<void(bool, const UsbBytes&)> done);

  Chip& chip_;
  Usbd& device_;
  std::vector<UsbFunction*> functions_;
  std::vector<UsbFunction*> attached_;
  Alarm turn_;
  Alarm frame_;
  State state_ = State::kDetached;
  Stage stage_ = Stage::kNone;
  std::deque<UsbRequest> requests_;
  UsbBytes received_;
  size_t sent_ = 0;
  Cycles control_start_ = 0;
  size_t moved_ = 0;  // bytes of the packets of this turn
  std::vector<UsbInterface> interfaces_;
  uint16_t vendor_ = 0;
  uint16_t product_ = 0;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
};

}  // namespace emulator
