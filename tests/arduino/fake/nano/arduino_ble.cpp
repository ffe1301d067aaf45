#include <ArduinoBLE.h>
#include <utility/HCITransport.h>

#include <algorithm>
#include <cstring>

#include "../board.h"
#include "../common/task.h"
#include "controller.h"

FakeBle BLE;

namespace {

BLECharacteristic* written_to = nullptr;  // the service's RX

}  // namespace

void BLEService::addCharacteristic(BLECharacteristic& characteristic) {
  if (written_to == nullptr) written_to = &characteristic;
}

bool BLECharacteristic::subscribed() const {
  return BLE.connected() && (is_for_phones_ ? world.phone_subscribed : world.subscribed);
}
int BLECharacteristic::writeValue(const uint8_t* value, int length) {
  if (is_for_phones_) {
    world.phone.assign(reinterpret_cast<const char*>(value), static_cast<size_t>(std::min(length, size_)));
    if (!subscribed()) return length;
  }
  const int sent = std::min(std::min(length, size_), world.mtu - 3);
  uint8_t packet[kRoomForValue + kValueAt] = {};
  put_value(packet, 0x1B, value, static_cast<size_t>(sent));
  BLE.send(packet, kValueAt + static_cast<size_t>(sent));
  return sent;
}
void BLECharacteristic::arrived(const uint8_t* value, int length) {
  length_ = std::min(length, size_);
  std::copy_n(value, length_, value_);
  if (handler_ != nullptr) handler_({}, *this);
}

int FakeBle::begin() {
  return world.radio_fails ? 0 : HCITransport.begin();
}
bool FakeBle::connected() {
  poll();
  return connected_;
}

// It forgets the peer at once, so that the controller's event finds none and no handler is called.
bool FakeBle::disconnect() {
  connected_ = false;
  world.connected = false;
  connection_changes(false);
  return true;
}

// Its loop never ends where an acknowledgement was lost. Here the test gets a turn in between.
void FakeBle::send(uint8_t* packet, size_t length) {
  while (pending_ >= kControllerBuffers) {
    poll();
    if (pending_ < kControllerBuffers) break;
    ++world.stuck;
    ++world.now;
    rest_task();
  }
  ++pending_;
  HCITransport.write(packet, length);
}

void FakeBle::poll() {
  while (HCITransport.available() > 0) {
    if (length_ == kRoom) length_ = 0;
    received_[length_++] = static_cast<uint8_t>(HCITransport.read());
    if (received_[0] == kDataPacket) {
      if (length_ > 5 && length_ >= 5u + received_[3] + (received_[4] << 8)) data();
    } else if (received_[0] == kEventPacket) {
      if (length_ > 3 && length_ >= 3u + received_[2]) event();
    } else {
      length_ = 0;
    }
  }
}

void FakeBle::event() {
  length_ = 0;
  if (received_[1] == kLeEvent && received_[3] == kConnectionComplete) connected_ = true;
  if (received_[1] == kDisconnectionComplete && connected_) {
    connected_ = false;
    if (on_disconnect_ != nullptr) on_disconnect_({});
  }
  if (received_[1] == kNumberOfCompletedPackets) pending_ -= std::min<unsigned>(pending_, received_[6]);
}

void FakeBle::data() {
  const size_t length = length_;
  length_ = 0;
  if (length < kValueAt || received_[9] != 0x52) return;
  --world.dropped;
  written_to->arrived(received_ + kValueAt, static_cast<int>(length - kValueAt));
}
