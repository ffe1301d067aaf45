// A board: a chip with an image in its flash, on a USB cable whose other end is a socket.
#pragma once
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "image/image.h"
#include "peripherals/nrf52840.h"
#include "peripherals/twi_device.h"
#include "sensors/recording.h"
#include "sensors/sound.h"
#include "usb/cdc.h"
#include "usb/client.h"
#include "usb/hci.h"
#include "usb/host.h"

namespace emulator {

struct BoardSettings {
  std::string image;
  std::string bootloader;            // hex of MBR, SoftDevice and bootloader; empty: none
  std::vector<std::string> sensors;  // "NAME:RECORDING", or NAME alone for one that feels and hears nothing
  std::string usb;                   // where the client of the serial port comes to; empty: nobody does
  std::string hci;                   // the same for a Bluetooth controller over USB, whose client speaks H4
  ChipSettings chip;
};

class Board {
 public:
  // Raises ImageError or std::runtime_error.
  explicit Board(const BoardSettings& settings);

  // Exchanges bytes with whoever is connected.
  void poll();

  const BoardSettings& settings() const { return settings_; }
  const Symbols& symbols() const { return image_.symbols; }
  Chip& chip() { return *chip_; }
  Peripherals& peripherals() { return *peripherals_; }
  UsbHost& usb_host() { return *host_; }
  // Those for whom it listens.
  std::vector<Client*> clients();
  Cdc* cdc() { return cdc_ ? &*cdc_ : nullptr; }

 private:
  void replace_crypto_cell();
  void fit_sensor(const std::string& name, const std::string& recording);

  BoardSettings settings_;
  Image image_;
  std::optional<Client> client_;
  std::optional<Cdc> cdc_;
  std::optional<Client> hci_client_;
  std::optional<HciDriver> hci_;
  std::unique_ptr<Chip> chip_;
  std::optional<Peripherals> peripherals_;
  std::optional<UsbHost> host_;
  Sound sound_;
  std::list<Recording> recordings_;  // sensors refer to them
  std::vector<std::unique_ptr<TwiDevice>> sensors_;
};

}  // namespace emulator
