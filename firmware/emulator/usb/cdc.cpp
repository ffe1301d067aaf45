#include "usb/cdc.h"

#include <algorithm>

namespace emulator {
namespace {

constexpr int kCommunications = 2;  // interface classes
constexpr int kCdcData = 10;
constexpr uint8_t kToInterface = 0x21;
constexpr uint8_t kSetLineCoding = 0x20;
constexpr uint8_t kSetControlLines = 0x22;
constexpr uint8_t kDtrAndRts = 3;
constexpr size_t kUnsentLimit = 4096;  // what a kernel's port buffers before the bus has to wait

const UsbBytes k115200With8N1 = {0x00, 0xC2, 0x01, 0x00, 0, 0, 8};

}  // namespace

Cdc::Cdc(Client& client) : client_(client) {
  client_.on_change([this] {
    if (host_) host_->wake();
  });
}

bool Cdc::attach(UsbHost& host, const std::vector<UsbInterface>& interfaces) {
  in_ = out_ = notifications_ = -1;
  for (const UsbInterface& interface : interfaces) {
    if (interface.kind == kCommunications) control_interface_ = interface.number;
    for (const UsbEndpoint& endpoint : interface.endpoints) {
      if (interface.kind == kCommunications && endpoint.in) notifications_ = endpoint.number;
      if (interface.kind == kCdcData) (endpoint.in ? in_ : out_) = endpoint.number;
    }
  }
  if (in_ < 0 || out_ < 0) return false;
  host_ = &host;
  open_ = changing_ = false;
  return true;
}

void Cdc::detach() {
  host_ = nullptr;
  open_ = changing_ = false;
  client_.drop();
}

void Cdc::set_reading(bool on) {
  reads_ = on;
  if (host_) host_->wake();
}

bool Cdc::poll() {
  follow_client();
  UsbBytes ignored;
  bool busy = notifications_ > 0 && host_->in(notifications_, &ignored) == UsbAnswer::kDone;
  busy |= receive();
  busy |= send();
  return busy;
}

// A port is opened with its line coding and DTR, and closed without DTR.
void Cdc::follow_client() {
  const bool wanted = client_.is_connected();
  if (changing_ || wanted == open_) return;
  changing_ = true;
  const auto interface = static_cast<uint8_t>(control_interface_);
  if (wanted)
    host_->request({{kToInterface, kSetLineCoding, 0, 0, interface, 0, 7, 0}, k115200With8N1, nullptr});
  const uint8_t lines = wanted ? kDtrAndRts : 0;
  host_->request({{kToInterface, kSetControlLines, lines, 0, interface, 0, 0, 0},
                  {},
                  [this, wanted](bool, const UsbBytes&) {
                    open_ = wanted;
                    changing_ = false;
                  }});
}

bool Cdc::receive() {
  if (!open_ || !client_.is_connected() || !reads_ || client_.unsent() >= kUnsentLimit) return false;
  UsbBytes packet;
  if (host_->in(in_, &packet) != UsbAnswer::kDone) return false;
  client_.send(packet.data(), packet.size());
  return true;
}

bool Cdc::send() {
  auto& bytes = client_.incoming();
  if (!open_ || bytes.empty()) return false;
  uint8_t packet[kUsbPacket];
  const size_t size = std::min<size_t>(kUsbPacket, bytes.size());
  std::copy_n(bytes.begin(), size, packet);
  if (host_->out(out_, packet, size) != UsbAnswer::kDone) return false;
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  return true;
}

}  // namespace emulator
