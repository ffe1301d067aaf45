#include "peripherals/usbd.h"

#include <algorithm>
#include <cstring>

#include "chip/chip.h"

namespace emulator {
namespace {

constexpr uint32_t kStartIn = 0x004;   // of endpoint 0, then 1 to 7
constexpr uint32_t kStartOut = 0x028;  // the same
constexpr uint32_t kControlReceive = 0x04C;
constexpr uint32_t kControlStatus = 0x050;
constexpr uint32_t kControlStall = 0x054;
constexpr uint32_t kBusReset = 0x100;
constexpr uint32_t kStarted = 0x104;
constexpr uint32_t kEndIn = 0x108;
constexpr uint32_t kControlDataDone = 0x128;
constexpr uint32_t kEndOut = 0x130;
constexpr uint32_t kStartOfFrame = 0x154;
constexpr uint32_t kUsbEvent = 0x158;
constexpr uint32_t kControlSetup = 0x15C;
constexpr uint32_t kData = 0x160;
constexpr uint32_t kEventCause = 0x400;
constexpr uint32_t kHaltedIn = 0x420;
constexpr uint32_t kHaltedOut = 0x444;
constexpr uint32_t kEndpointStatus = 0x468;
constexpr uint32_t kDataStatus = 0x46C;
constexpr uint32_t kUsbAddress = 0x470;
constexpr uint32_t kSetupBytes = 0x480;  // eight registers of one byte each
constexpr uint32_t kSizeOut = 0x4A0;
constexpr uint32_t kEnable = 0x500;
constexpr uint32_t kPullUp = 0x504;
constexpr uint32_t kStallEndpoint = 0x518;
constexpr uint32_t kFrameNumber = 0x520;
constexpr uint32_t kInDma = 0x600;  // pointer, count, amount; 0x14 for each endpoint
constexpr uint32_t kOutDma = 0x700;

constexpr uint32_t kReadyCause = 1u << 11;
constexpr uint8_t kSetAddress = 5;

// SHORTS
constexpr int kDataDoneStartsIn = 0;
constexpr int kDataDoneStartsOut = 1;
constexpr int kDataDoneStatus = 2;
constexpr int kEndOutStatus = 3;
constexpr int kEndOutReceives = 4;

}  // namespace

Usbd::Usbd(Chip& chip) : Peripheral(chip, "USBD", 0x40027000) {}

void Usbd::reset(Reset kind) {
  Peripheral::reset(kind);
  in_.fill({});
  out_.fill({});
  control_receives_ = control_status_ = control_stalled_ = false;
  attach(false);
}

void Usbd::attach(bool on) {
  if (attached_ == on) return;
  attached_ = on;
  chip().note("USB pull-up %s", on ? "on" : "off");
  tell();
}

void Usbd::bus_reset() {
  reg(kUsbAddress) = 0;
  in_.fill({});
  out_.fill({});
  control_receives_ = control_status_ = control_stalled_ = false;
  raise(kBusReset);
}

void Usbd::start_of_frame() {
  reg(kFrameNumber) = (reg(kFrameNumber) + 1) & 0x7FF;
  raise(kStartOfFrame);
}

void Usbd::setup(const std::array<uint8_t, 8>& packet) {
  for (uint32_t i = 0; i < 8; ++i) reg(kSetupBytes + 4 * i) = packet[i];
  control_receives_ = control_status_ = control_stalled_ = false;
  in_[0] = {};
  out_[0] = {};
  if (packet[0] == 0 && packet[1] == kSetAddress) {  // the hardware answers this by itself
    reg(kUsbAddress) = packet[2];
    control_status_ = true;
  }
  raise(kControlSetup);
}

UsbAnswer Usbd::control_in(UsbBytes* data) {
  if (control_stalled_) return UsbAnswer::kStall;
  if (!in_[0].full) return UsbAnswer::kNotNow;
  *data = in_[0].bytes;
  in_[0].full = false;
  control_data_done();
  return UsbAnswer::kDone;
}

UsbAnswer Usbd::control_out(const uint8_t* data, uint32_t size) {
  if (control_stalled_) return UsbAnswer::kStall;
  if (!control_receives_ || out_[0].full) return UsbAnswer::kNotNow;
  control_receives_ = false;
  out_[0].bytes.assign(data, data + size);
  out_[0].full = true;
  reg(kSizeOut) = size;
  control_data_done();
  return UsbAnswer::kDone;
}

void Usbd::control_data_done() {
  raise(kControlDataDone);
  if (shortcut(kDataDoneStartsIn)) dma_in(0);
  if (shortcut(kDataDoneStartsOut)) dma_out(0);
  if (shortcut(kDataDoneStatus)) control_status_ = true;
}

UsbAnswer Usbd::status() {
  if (control_stalled_) return UsbAnswer::kStall;
  if (!control_status_) return UsbAnswer::kNotNow;
  control_status_ = false;
  return UsbAnswer::kDone;
}

UsbAnswer Usbd::in(int endpoint, UsbBytes* data) {
  InBuffer& buffer = in_[static_cast<size_t>(endpoint)];
  if (buffer.stalled) return UsbAnswer::kStall;
  if (!buffer.full) return UsbAnswer::kNotNow;
  *data = buffer.bytes;
  buffer.full = false;
  reg(kDataStatus) |= 1u << endpoint;
  raise(kData);
  return UsbAnswer::kDone;
}

UsbAnswer Usbd::out(int endpoint, const uint8_t* data, uint32_t size) {
  OutBuffer& buffer = out_[static_cast<size_t>(endpoint)];
  if (buffer.stalled) return UsbAnswer::kStall;
  // The packet travels after the buffer became free, never before. Firmware may rely on that: Mbed reads
  // SIZE.EPOUT after the buffer was freed.
  if (now() < accepts_at(endpoint, size)) return UsbAnswer::kNotNow;
  buffer.bytes.assign(data, data + size);
  buffer.full = true;
  buffer.accepts = false;
  reg(kSizeOut + 4 * static_cast<uint32_t>(endpoint)) = size;
  reg(kDataStatus) |= 1u << (16 + endpoint);
  raise(kData);
  return UsbAnswer::kDone;
}

Cycles Usbd::accepts_at(int endpoint, uint32_t size) const {
  const OutBuffer& buffer = out_[static_cast<size_t>(endpoint)];
  return buffer.accepts && !buffer.full ? buffer.free_since + usb_wire_time(size) : kNever;
}

void Usbd::start(uint32_t task) {
  if (task >= kStartIn && task < kStartIn + 32) return dma_in((task - kStartIn) / 4);
  if (task >= kStartOut && task < kStartOut + 32) return dma_out((task - kStartOut) / 4);
  if (task == kControlReceive) control_receives_ = true;
  if (task == kControlStatus) control_status_ = true;
  if (task == kControlStall) control_stalled_ = true;
  tell();
}

void Usbd::dma_in(uint32_t endpoint) {
  const uint32_t dma = kInDma + 0x14 * endpoint;
  const uint32_t count = std::min(reg(dma + 4) & 0x7F, kUsbPacket);
  const uint8_t* bytes = chip().memory.ram_bytes(reg(dma), count);
  if (!bytes && count) chip().note("EasyDMA of the USBD can't read at %08x", reg(dma));
  InBuffer& buffer = in_[endpoint];
  buffer.bytes.assign(count, 0);
  if (bytes && count) memcpy(buffer.bytes.data(), bytes, count);
  buffer.full = true;
  reg(dma + 8) = count;
  reg(kEndpointStatus) |= 1u << endpoint;
  raise(kStarted);
  raise(kEndIn + 4 * endpoint);
  tell();
}

void Usbd::dma_out(uint32_t endpoint) {
  const uint32_t dma = kOutDma + 0x14 * endpoint;
  OutBuffer& buffer = out_[endpoint];
  const uint32_t received = reg(kSizeOut + 4 * endpoint);
  const uint32_t count =
      std::min({reg(dma + 4) & 0x7F, received, static_cast<uint32_t>(buffer.bytes.size())});
  uint8_t* bytes = chip().memory.ram_bytes(reg(dma), count);
  if (bytes && count) memcpy(bytes, buffer.bytes.data(), count);
  buffer.full = false;
  buffer.accepts = true;
  buffer.free_since = now();
  reg(dma + 8) = count;
  reg(kEndpointStatus) |= 1u << (16 + endpoint);
  raise(kStarted);
  raise(kEndOut + 4 * endpoint);
  if (endpoint == 0 && shortcut(kEndOutStatus)) control_status_ = true;
  if (endpoint == 0 && shortcut(kEndOutReceives)) control_receives_ = true;
  tell();
}

void Usbd::write(uint32_t offset, uint32_t value) {
  if (offset == kEventCause || offset == kEndpointStatus || offset == kDataStatus) {
    reg(offset) &= ~value;  // written ones clear
  } else if (offset >= kSizeOut && offset < kSizeOut + 32) {
    // Any value lets the endpoint accept the next packet.
    OutBuffer& buffer = out_[(offset - kSizeOut) / 4];
    reg(offset) = 0;
    if (!buffer.accepts) buffer.free_since = now();
    buffer.accepts = true;
    tell();
  } else {
    Peripheral::write(offset, value);
  }
}

void Usbd::on_write(uint32_t offset, uint32_t value) {
  if (offset == kEnable && value & 1) {
    reg(kEventCause) |= kReadyCause;
    raise(kUsbEvent);
  }
  if (offset == kEnable && !(value & 1)) attach(false);
  if (offset == kPullUp) attach(value & 1);
  if (offset == kStallEndpoint) set_stall(value);
}

void Usbd::set_stall(uint32_t value) {
  const bool stall = value >> 8 & 1;
  const uint32_t endpoint = value & 7;
  if (value & 0x80) {
    in_[endpoint].stalled = stall;
  } else {
    out_[endpoint].stalled = stall;
  }
  tell();
}

uint32_t Usbd::on_read(uint32_t offset) {
  if (offset >= kHaltedIn && offset < kHaltedIn + 32) return in_[(offset - kHaltedIn) / 4].stalled;
  if (offset >= kHaltedOut && offset < kHaltedOut + 32) return out_[(offset - kHaltedOut) / 4].stalled;
  return reg(offset);
}

}  // namespace emulator
