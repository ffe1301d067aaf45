#include "../ble_link.h"

#include <ArduinoBLE.h>

#include <algorithm>

#include "../ble_guard.h"
#include "../ble_name.h"
#include "../chip.h"
#include "../frame_ring.h"
#include "bytefed/session/port.h"
#include "hci_transport.h"

namespace ble {
namespace {

using bytefed::Link;

// The controller hands over whatever comes in and can't be told to wait: one chunk at a time, and its ACK is
// the credit for the next.
constexpr uint8_t kWindow = 1;

BLEService service("d25a0001-4fed-4035-8828-8fd0ea87845b");
BLECharacteristic rx("d25a0002-4fed-4035-8828-8fd0ea87845b", BLEWrite | BLEWriteWithoutResponse, kFrame);
BLECharacteristic tx("d25a0003-4fed-4035-8828-8fd0ea87845b", BLENotify, kFrame);
BLECharacteristic phones("d25a0004-4fed-4035-8828-8fd0ea87845b", BLERead | BLENotify, bytefed::kPhoneText);
FrameRing<4, kFrame> ring;
uint8_t ends = 0;  // connections that have ended
Guard guard;
char text[bytefed::kPhoneText];  // for phones
uint8_t text_length = 0;
bool text_due = false;

// Both are called from BLE.poll(), and from within tx.writeValue(): so they only take note.
void on_written(BLEDevice, BLECharacteristic) {
  ring.push(rx.value(), static_cast<size_t>(rx.valueLength()));
}

void on_disconnect(BLEDevice) {
  ++ends;
}

// Leaves the controller's last buffer to the library's own answers: where there is none, the library waits in
// a loop of its own.
bool has_room() {
  return hci::unacknowledged() + 1 < hci::buffers();
}

// A frame that it cuts off at the MTU is lost, as on the air: sending it again would cut
// it off again.
bool send(void*, const uint8_t* frame, size_t length) {
  if (!BLE.connected() || !tx.subscribed()) return true;  // thrown away
  if (!has_room()) {
    chip::rest(1);
    return false;
  }
  tx.writeValue(frame, static_cast<int>(length));
  return true;
}

// Where a phone has subscribed, the library notifies it of what it is given, so that has to wait for room.
void tell_phones() {
  if (!text_due || (BLE.connected() && phones.subscribed() && !has_room())) return;
  phones.writeValue(reinterpret_cast<const uint8_t*>(text), text_length);
  text_due = false;
}

Link own_link = {nullptr, send, kFrame, kWindow};

}  // namespace

bool start(uint64_t uid) {
  if (BLE.begin() == 0) return false;
  static char name[13];
  ble_name(uid, name);
  BLE.setLocalName(name);
  BLE.setDeviceName(name);
  BLE.setAdvertisedService(service);
  service.addCharacteristic(rx);
  service.addCharacteristic(tx);
  service.addCharacteristic(phones);
  BLE.addService(service);
  rx.setEventHandler(BLEWritten, on_written);
  BLE.setEventHandler(BLEDisconnected, on_disconnect);
  BLE.setConnectionInterval(6, 12);  // 7.5 to 15 ms
  return true;
}

bool advertise() {
  return BLE.advertise() != 0;  // the library does so again after each connection
}

Link& link() {
  return own_link;
}

bool connected() {
  return BLE.connected();
}

void show(const char* shown, size_t length) {
  std::copy_n(shown, length, text);
  text_length = static_cast<uint8_t>(length);
  text_due = true;
  tell_phones();
}

bool poll(bytefed::SealedLink& seal) {
  BLE.poll();
  tell_phones();
  const uint32_t now = chip::millis();
  if (guard.ended(ends, now)) {
    ring.clear();
    seal.close();
  }
  if (guard.lets_go(connected(), seal, text_length > 0, now)) {
    BLE.disconnect();  // the library calls no handler then
    ring.clear();
    seal.close();
  }
  const auto* frame = ring.front();
  if (frame == nullptr) return false;
  seal.receive(frame->data, frame->length, frame->length);
  ring.pop();
  return true;
}

}  // namespace ble
