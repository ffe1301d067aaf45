#include "board/board.h"

#include "board/flashing.h"
#include "peripherals/nvmc.h"
#include "peripherals/pdm.h"
#include "peripherals/twi.h"
#include "peripherals/usbd.h"
#include "sensors/sensors.h"

namespace emulator {
namespace {

// The CryptoCell is Arm's secret: the functions of its binary library that a Bluefruit board calls at its
// start return "no error".
constexpr const char* kCryptoCell[] = {"SaSi_LibInit", "CRYS_RndInit", "CRYS_ECPKI_GenKeyPair",
                                       "CRYS_ECPKI_ExportPublKey"};
constexpr const char* kMicrophone = "microphone";  // among the names of sensors, though it is on no bus

}  // namespace

Board::Board(const BoardSettings& settings) : settings_(settings), image_(Image::read(settings.image)) {
  std::optional<Image> bootloader;
  if (!settings.bootloader.empty()) bootloader = Image::read(settings.bootloader);
  check_image(image_, bootloader);
  settings_.chip.vector_table = vector_table_of(image_, bootloader);
  if (!settings.usb.empty()) {
    client_.emplace(settings.usb);
    cdc_.emplace(*client_);
  }
  if (!settings.hci.empty()) {
    hci_client_.emplace(settings.hci);
    hci_.emplace(*hci_client_);
  }
  chip_ = std::make_unique<Chip>(settings_.chip);
  write_image(chip_->memory, image_, bootloader);
  peripherals_.emplace(fit_nrf52840(*chip_));
  replace_crypto_cell();
  for (const std::string& sensor : settings_.sensors) {
    const size_t colon = sensor.find(':');
    fit_sensor(sensor.substr(0, colon), colon == std::string::npos ? "" : sensor.substr(colon + 1));
  }
  host_.emplace(*chip_, peripherals_->usbd);
  if (cdc_) host_->add(*cdc_);
  if (hci_) host_->add(*hci_);
  chip_->power_on();
}

void Board::replace_crypto_cell() {
  for (const char* name : kCryptoCell) {
    if (const auto symbol = image_.symbols.find(name)) chip_->cpu.replace(symbol->address, 0);
  }
}

// Boards have one bus with sensors. Which controller drives it is the image's choice, so they are on both.
void Board::fit_sensor(const std::string& name, const std::string& recording) {
  if (name == kMicrophone) {
    if (!recording.empty()) sound_ = Sound::read(recording);
    peripherals_->pdm.attach([this](Cycles time) { return sound_.at(time); });
    return;
  }
  recordings_.push_back(recording.empty() ? Recording() : Recording::read(recording));
  for (auto& sensor : make_sensor(name, chip_->events, recordings_.back())) {
    peripherals_->twi0.attach(*sensor);
    peripherals_->twi1.attach(*sensor);
    sensors_.push_back(std::move(sensor));
  }
}

std::vector<Client*> Board::clients() {
  std::vector<Client*> clients;
  if (client_) clients.push_back(&*client_);
  if (hci_client_) clients.push_back(&*hci_client_);
  return clients;
}

void Board::poll() {
  for (Client* client : clients()) client->poll();
}

}  // namespace emulator
