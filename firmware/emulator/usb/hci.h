// The driver of a Bluetooth controller over USB: commands as control requests, events from the interrupt
// endpoint, data through the bulk endpoints; to its client it speaks H4. Bluetooth Core Specification, Vol 4,
// Part B "USB Transport Layer", 2.
#pragma once
#include <deque>

#include "usb/client.h"
#include "usb/function.h"
#include "usb/h4.h"
#include "usb/host.h"

namespace emulator {

class HciDriver : public UsbFunction {
 public:
  explicit HciDriver(Client& client);

  bool attach(UsbHost& host, const std::vector<UsbInterface>& interfaces) override;
  void detach() override;
  bool poll() override;

 private:
  void take_from_client();
  void command(const std::vector<uint8_t>& packet);
  bool receive(int endpoint, HciAssembler& assembler);
  bool send();

  Client& client_;
  UsbHost* host_ = nullptr;
  int events_ = -1;  // endpoints
  int in_ = -1;
  int out_ = -1;
  H4Stream stream_;
  HciAssembler event_{HciType::kEvent};
  HciAssembler acl_{HciType::kAcl};
  std::deque<std::vector<uint8_t>> outgoing_;  // data for the controller, each packet without its type
  size_t sent_ = 0;                            // bytes of the first of them
};

}  // namespace emulator
