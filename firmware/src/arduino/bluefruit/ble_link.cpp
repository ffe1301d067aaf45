// A GATT service of our own: BLEUart truncates what it sends, and its buffer is too small for a window.
#include "../ble_link.h"

#include <bluefruit.h>

#include "../ble_guard.h"
#include "../ble_name.h"
#include "../chip.h"
#include "../frame_ring.h"
#include "bytefed/session/port.h"

namespace ble {
namespace {

using bytefed::Link;

constexpr uint8_t kWindow = 32;  // chunks that the ring below holds without an ACK (SPEC 1.2)
constexpr uint16_t kMtu = 247, kEventLength = 6;  // 1.25 ms
constexpr uint8_t kQueue = 3;                     // notifications that the SoftDevice holds
constexpr uint16_t kAttHeader = 3;

BLEService service("d25a0001-4fed-4035-8828-8fd0ea87845b");
BLECharacteristic rx("d25a0002-4fed-4035-8828-8fd0ea87845b");
BLECharacteristic tx("d25a0003-4fed-4035-8828-8fd0ea87845b");
BLECharacteristic phones("d25a0004-4fed-4035-8828-8fd0ea87845b");
FrameRing<2 * kWindow, kFrame> ring;  // a window of chunks, and requests in between
volatile uint16_t connection = BLE_CONN_HANDLE_INVALID;
volatile uint8_t ends = 0;  // connections that have ended
Guard guard;
bool shows = false;  // whether there is a text for phones

// Runs in the radio's task.
void on_write(uint16_t, BLECharacteristic*, uint8_t* data, uint16_t length) {
  ring.push(data, length);
  chip::wake();
}
void on_connect(uint16_t handle) {
  connection = handle;
}
void on_disconnect(uint16_t, uint8_t) {
  connection = BLE_CONN_HANDLE_INVALID;  // the core advertises again
  ends = static_cast<uint8_t>(ends + 1);
  chip::wake();
}

// Longest value that the current connection carries.
uint16_t value_limit() {
  const BLEConnection* peer = Bluefruit.Connection(connection);
  return peer == nullptr ? 0 : static_cast<uint16_t>(const_cast<BLEConnection*>(peer)->getMtu() - kAttHeader);
}

bool send(void*, const uint8_t* frame, size_t length) {
  const uint16_t handle = connection;
  if (handle == BLE_CONN_HANDLE_INVALID || !tx.notifyEnabled(handle)) return true;  // thrown away
  if (length > value_limit()) return true;  // the library would send it in pieces: lost, as on the air
  return tx.notify(handle, frame, static_cast<uint16_t>(length));  // false: the queue is full
}

Link own_link = {nullptr, send, kFrame, kWindow};

bool start_service() {
  if (service.begin() != ERROR_NONE) return false;
  rx.setProperties(CHR_PROPS_WRITE | CHR_PROPS_WRITE_WO_RESP);
  rx.setPermission(SECMODE_NO_ACCESS, SECMODE_OPEN);
  rx.setMaxLen(kFrame);
  rx.setWriteCallback(on_write, false);  // at once: the core's queue would take memory from the heap
  if (rx.begin() != ERROR_NONE) return false;
  tx.setProperties(CHR_PROPS_NOTIFY);
  tx.setPermission(SECMODE_OPEN, SECMODE_NO_ACCESS);
  tx.setMaxLen(kFrame);
  if (tx.begin() != ERROR_NONE) return false;
  phones.setProperties(CHR_PROPS_READ | CHR_PROPS_NOTIFY);
  phones.setPermission(SECMODE_OPEN, SECMODE_NO_ACCESS);
  phones.setMaxLen(bytefed::kPhoneText);
  return phones.begin() == ERROR_NONE;
}

bool prepare_advertising() {
  auto& advertising = Bluefruit.Advertising;
  if (!advertising.addFlags(BLE_GAP_ADV_FLAGS_LE_ONLY_GENERAL_DISC_MODE) ||
      !advertising.addService(service) || !Bluefruit.ScanResponse.addName()) {
    return false;
  }
  advertising.restartOnDisconnect(true);
  advertising.setInterval(32, 244);  // 20 ms for half a minute, then 152.5 ms
  advertising.setFastTimeout(30);
  return true;
}

}  // namespace

bool start(uint64_t uid) {
  Bluefruit.autoConnLed(false);
  Bluefruit.configPrphConn(kMtu, kEventLength, kQueue, BLE_GATTC_WRITE_CMD_TX_QUEUE_SIZE_DEFAULT);
  if (!Bluefruit.begin()) return false;
  static char name[13];
  ble_name(uid, name);
  Bluefruit.setName(name);
  Bluefruit.Periph.setConnectCallback(on_connect);
  Bluefruit.Periph.setDisconnectCallback(on_disconnect);
  return Bluefruit.Periph.setConnInterval(6, 12) && start_service() && prepare_advertising();
}

bool advertise() {
  return Bluefruit.Advertising.start(0);
}

Link& link() {
  return own_link;
}

bool connected() {
  return connection != BLE_CONN_HANDLE_INVALID;
}

// A phone that takes no notifications at the moment goes without this one: the next window brings another.
void show(const char* text, size_t length) {
  shows = length > 0;
  phones.write(text, static_cast<uint16_t>(length));
  const uint16_t handle = connection;
  if (shows && handle != BLE_CONN_HANDLE_INVALID && phones.notifyEnabled(handle)) {
    phones.notify(handle, text, static_cast<uint16_t>(length));
  }
}

bool poll(bytefed::SealedLink& seal) {
  const uint32_t now = chip::millis();
  if (guard.ended(ends, now)) {
    ring.clear();
    seal.close();
  }
  if (guard.lets_go(connected(), seal, shows, now)) Bluefruit.disconnect(connection);
  const auto* frame = ring.front();
  if (frame == nullptr) return false;
  const uint16_t limit = value_limit();
  own_link.frame_limit =
      limit < kFrame ? static_cast<uint8_t>(limit < bytefed::kMinFrame ? bytefed::kMinFrame : limit) : kFrame;
  seal.receive(frame->data, frame->length, frame->length);
  ring.pop();
  return true;
}

}  // namespace ble
