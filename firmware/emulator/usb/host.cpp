#include "usb/host.h"

#include <algorithm>
#include <utility>

namespace emulator {
namespace {

constexpr Cycles kDebounce = milliseconds(20);
constexpr Cycles kResetTime = milliseconds(10);
constexpr Cycles kRecovery = milliseconds(10);
constexpr Cycles kFrame = milliseconds(1);
constexpr Cycles kControlTimeout = milliseconds(5000);

constexpr uint8_t kToHost = 0x80;
constexpr uint8_t kGetDescriptor = 6;
constexpr uint8_t kSetAddress = 5;
constexpr uint8_t kSetConfiguration = 9;
constexpr uint8_t kDeviceDescriptor = 1;
constexpr uint8_t kConfigurationDescriptor = 2;
constexpr uint8_t kStringDescriptor = 3;
constexpr uint8_t kOurAddress = 7;

constexpr uint8_t low(size_t value) {
  return static_cast<uint8_t>(value);
}
constexpr uint8_t high(size_t value) {
  return static_cast<uint8_t>(value >> 8);
}

}  // namespace

UsbHost::UsbHost(Chip& chip, Usbd& device)
    : chip_(chip),
      device_(device),
      turn_(chip.events, [this] { turn(); }),
      frame_(chip.events, [this] { frame(); }) {
  device_.connect([this] { device_told(); });
}

void UsbHost::device_told() {
  if (device_.is_attached() && state_ == State::kDetached) {
    state_ = State::kDebouncing;
    turn_.in(kDebounce);
  } else if (!device_.is_attached() && state_ != State::kDetached) {
    detach();
  } else {
    wake();
  }
}

void UsbHost::wake() {
  if (state_ >= State::kEnumerating && !turn_.is_set()) turn_.in(usb_wire_time(0));
}

void UsbHost::detach() {
  state_ = State::kDetached;
  stage_ = Stage::kNone;
  requests_.clear();
  turn_.stop();
  frame_.stop();
  for (UsbFunction* function : attached_) function->detach();
  attached_.clear();
}

void UsbHost::turn() {
  switch (state_) {
    case State::kDetached: break;
    case State::kDebouncing:
      state_ = State::kResetting;
      device_.bus_reset();
      turn_.in(kResetTime + kRecovery);
      break;
    case State::kResetting:
      state_ = State::kEnumerating;
      frame_.in(kFrame);
      enumerate();
      break;
    default: {
      moved_ = 0;
      bool busy = step_control();
      for (UsbFunction* function : attached_) busy |= function->poll();
      if (busy) turn_.in(usb_wire_time(moved_));
    }
  }
}

void UsbHost::frame() {
  frame_.in(kFrame);
  if (stage_ != Stage::kNone && chip_.events.now() - control_start_ > kControlTimeout) finish_control(false);
  device_.start_of_frame();
}

void UsbHost::get_descriptor(uint8_t kind, uint8_t index, uint16_t length,
                             std::function<void(bool, const UsbBytes&)> done) {
  const uint8_t language = kind == kStringDescriptor && index ? 9 : 0;
  request({{kToHost, kGetDescriptor, index, kind, language, low(language ? 4 : 0), low(length), high(length)},
           {},
           std::move(done)});
}

void UsbHost::enumerate() {
  get_descriptor(kDeviceDescriptor, 0, 64, nullptr);
  request({{0, kSetAddress, kOurAddress, 0, 0, 0, 0, 0}, {}, nullptr});
  get_descriptor(kDeviceDescriptor, 0, 18, [this](bool ok, const UsbBytes& it) {
    if (!ok || it.size() < 18) return;
    vendor_ = static_cast<uint16_t>(it[8] | it[9] << 8);
    product_ = static_cast<uint16_t>(it[10] | it[11] << 8);
    for (int i = 14; i <= 16; ++i) {  // the names of maker and product, the serial number
      if (it[i]) get_descriptor(kStringDescriptor, it[i], 255, nullptr);
    }
  });
  get_descriptor(kConfigurationDescriptor, 0, 9, [this](bool ok, const UsbBytes& it) {
    if (!ok || it.size() < 9) return;
    const auto length = static_cast<uint16_t>(it[2] | it[3] << 8);
    get_descriptor(kConfigurationDescriptor, 0, length, [this](bool whole, const UsbBytes& descriptor) {
      if (whole) configure(descriptor);
    });
  });
}

void UsbHost::configure(const UsbBytes& descriptor) {
  if (descriptor.size() < 9) return;
  interfaces_ = parse_configuration(descriptor);
  request({{0, kSetConfiguration, descriptor[5], 0, 0, 0, 0, 0}, {}, [this](bool ok, const UsbBytes&) {
             configured(ok);
           }});
}

void UsbHost::configured(bool ok) {
  if (!ok) return chip_.note("USB: the device refuses its configuration");
  state_ = State::kConfigured;
  chip_.note("USB: device %04x:%04x is configured", vendor_, product_);
  for (UsbFunction* function : functions_) {
    if (function->attach(*this, interfaces_)) attached_.push_back(function);
  }
  wake();
}

void UsbHost::request(UsbRequest request) {
  requests_.push_back(std::move(request));
  wake();
}

// One packet of the control transfer at the head of the queue. True if there will be more to do.
bool UsbHost::step_control() {
  if (requests_.empty()) return false;
  const auto& setup = requests_.front().setup;
  if (stage_ == Stage::kNone) {
    received_.clear();
    sent_ = 0;
    control_start_ = chip_.events.now();
    stage_ = setup[6] || setup[7] ? Stage::kData : Stage::kStatus;
    moved_ += 8;
    device_.setup(setup);
    return true;
  }
  if (stage_ == Stage::kData) return step_data();
  const UsbAnswer answer = device_.status();
  if (answer == UsbAnswer::kNotNow) return false;  // the device will tell
  finish_control(answer == UsbAnswer::kDone);
  return !requests_.empty();
}

bool UsbHost::step_data() {
  const UsbRequest& request = requests_.front();
  const size_t length = request.setup[6] | static_cast<size_t>(request.setup[7]) << 8;
  UsbAnswer answer;
  bool last;
  if (request.setup[0] & kToHost) {
    UsbBytes packet;
    answer = device_.control_in(&packet);
    received_.insert(received_.end(), packet.begin(), packet.end());
    last = packet.size() < kUsbPacket || received_.size() >= length;
    moved_ += packet.size();
  } else {
    const size_t size = std::min<size_t>(kUsbPacket, request.data.size() - sent_);
    answer = device_.control_out(request.data.data() + sent_, static_cast<uint32_t>(size));
    if (answer == UsbAnswer::kDone) sent_ += size;
    last = sent_ >= request.data.size();
    moved_ += size;
  }
  if (answer == UsbAnswer::kNotNow) return false;
  if (answer == UsbAnswer::kStall) {
    finish_control(false);
    return !requests_.empty();
  }
  if (last) stage_ = Stage::kStatus;
  return true;
}

void UsbHost::finish_control(bool ok) {
  stage_ = Stage::kNone;
  const UsbRequest request = std::move(requests_.front());
  requests_.pop_front();
  if (!ok) chip_.note("USB: request %02x %02x was refused", request.setup[0], request.setup[1]);
  if (request.done) request.done(ok, received_);
}

UsbAnswer UsbHost::in(int endpoint, UsbBytes* data) {
  const UsbAnswer answer = device_.in(endpoint, data);
  if (answer == UsbAnswer::kDone) {
    moved_ += data->size();
    bytes_in_ += data->size();
  }
  return answer;
}

UsbAnswer UsbHost::out(int endpoint, const uint8_t* data, size_t size) {
  const UsbAnswer answer = device_.out(endpoint, data, static_cast<uint32_t>(size));
  if (answer == UsbAnswer::kDone) {
    moved_ += size;
    bytes_out_ += size;
  } else if (const Cycles time = device_.accepts_at(endpoint, static_cast<uint32_t>(size)); time != kNever) {
    turn_.at(time);
  }
  return answer;
}

}  // namespace emulator
