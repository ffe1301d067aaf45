// The driver of a serial port over USB: its client's bytes, and DTR as long as there is a client.
// USB Class Definitions for Communications Devices 1.2, and its PSTN subclass.
#pragma once
#include "usb/client.h"
#include "usb/function.h"
#include "usb/host.h"

namespace emulator {

class Cdc : public UsbFunction {
 public:
  explicit Cdc(Client& client);

  bool attach(UsbHost& host, const std::vector<UsbInterface>& interfaces) override;
  void detach() override;
  bool poll() override;

  // A host that does not read any more, though the port is open; and one that does again.
  void set_reading(bool on);

 private:
  void follow_client();
  bool receive();
  bool send();

  Client& client_;
  UsbHost* host_ = nullptr;
  int control_interface_ = 0;
  int notifications_ = -1;  // endpoints
  int in_ = -1;
  int out_ = -1;
  bool open_ = false;      // DTR, as the device knows it
  bool changing_ = false;  // a request that changes it is on its way
  bool reads_ = true;
};

}  // namespace emulator
