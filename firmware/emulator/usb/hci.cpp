#include "usb/hci.h"

#include <algorithm>

namespace emulator {
namespace {

constexpr int kWireless = 0xE0;  // interface class, subclass and protocol of a Bluetooth controller
constexpr int kRadioFrequency = 1;
constexpr int kBluetooth = 1;
constexpr uint8_t kClassRequestToDevice = 0x20;
constexpr size_t kUnsentLimit = 65536;

}  // namespace

HciDriver::HciDriver(Client& client) : client_(client) {
  client_.on_change([this] {
    if (host_) host_->wake();
  });
}

bool HciDriver::attach(UsbHost& host, const std::vector<UsbInterface>& interfaces) {
  events_ = in_ = out_ = -1;
  for (const UsbInterface& interface : interfaces) {
    const bool bluetooth = interface.kind == kWireless && interface.subclass == kRadioFrequency &&
                           interface.protocol == kBluetooth &&
                           interface.number == 0;  // the next one carries voice
    if (!bluetooth) continue;
    for (const UsbEndpoint& endpoint : interface.endpoints) {
      (endpoint.interrupt ? events_ : endpoint.in ? in_ : out_) = endpoint.number;
    }
  }
  if (events_ < 0 || in_ < 0 || out_ < 0) return false;
  host_ = &host;
  return true;
}

void HciDriver::detach() {
  host_ = nullptr;
  stream_.clear();
  event_.clear();
  acl_.clear();
  outgoing_.clear();
  sent_ = 0;
  client_.drop();
}

bool HciDriver::poll() {
  take_from_client();
  bool busy = receive(events_, event_);
  busy |= receive(in_, acl_);
  busy |= send();
  return busy;
}

void HciDriver::take_from_client() {
  auto& incoming = client_.incoming();
  const std::vector<uint8_t> bytes(incoming.begin(), incoming.end());
  incoming.clear();
  for (auto& packet : stream_.add(bytes.data(), bytes.size())) {
    const auto type = static_cast<HciType>(packet[0]);
    packet.erase(packet.begin());
    if (type == HciType::kCommand) command(packet);
    if (type == HciType::kAcl) outgoing_.push_back(std::move(packet));
  }
}

void HciDriver::command(const std::vector<uint8_t>& packet) {
  const auto size = static_cast<uint16_t>(packet.size());
  const auto low = static_cast<uint8_t>(size);
  const auto high = static_cast<uint8_t>(size >> 8);
  host_->request({{kClassRequestToDevice, 0, 0, 0, 0, 0, low, high}, packet, nullptr});
}

bool HciDriver::receive(int endpoint, HciAssembler& assembler) {
  if (client_.unsent() >= kUnsentLimit) return false;
  UsbBytes packet;
  if (host_->in(endpoint, &packet) != UsbAnswer::kDone) return false;
  for (size_t at = 0; at < packet.size();) {
    const size_t taken = std::min(assembler.missing(), packet.size() - at);
    if (assembler.add(packet.data() + at, taken)) {
      const std::vector<uint8_t> whole = assembler.take();
      if (client_.is_connected()) client_.send(whole.data(), whole.size());
    }
    at += taken;
  }
  return true;
}

bool HciDriver::send() {
  if (outgoing_.empty()) return false;
  const std::vector<uint8_t>& packet = outgoing_.front();
  const size_t size = std::min<size_t>(kUsbPacket, packet.size() - sent_);
  if (host_->out(out_, packet.data() + sent_, size) != UsbAnswer::kDone) return false;
  sent_ += size;
  if (sent_ == packet.size()) {
    outgoing_.pop_front();
    sent_ = 0;
  }
  return true;
}

}  // namespace emulator
