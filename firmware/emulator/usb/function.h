// The host's driver of one kind of device, at work once the device is configured.
#pragma once
#include <vector>

#include "usb/descriptors.h"

namespace emulator {

class UsbHost;

class UsbFunction {
 public:
  virtual ~UsbFunction() = default;
  // The device was configured. False: it has nothing for this driver.
  virtual bool attach(UsbHost& host, const std::vector<UsbInterface>& interfaces) = 0;
  // The device is gone, by a reset or since its pull-up is off.
  virtual void detach() = 0;
  // The bus is free: at most one packet for each endpoint, by UsbHost::in() and out(). True if one went.
  virtual bool poll() = 0;
};

}  // namespace emulator
