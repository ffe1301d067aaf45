// ArduinoBLE 1.5.0 where it is odd: it cuts notifications off at the MTU, calls handlers from poll() and from
// writeValue(), and waits in a loop of its own while the controller holds four packets, as far as it knows.
// It learns that from events, and forgets none that was lost when a link is.
#pragma once
#include "../common/world.h"

enum { BLERead = 2, BLEWrite = 8, BLEWriteWithoutResponse = 4, BLENotify = 16, BLEWritten = 2 };
enum BLEDeviceEvent { BLEConnected = 0, BLEDisconnected = 1 };

struct BLEDevice {};
using BLEDeviceEventHandler = void (*)(BLEDevice);
class BLECharacteristic;
using BLECharacteristicEventHandler = void (*)(BLEDevice, BLECharacteristic);

class BLECharacteristic {
 public:
  BLECharacteristic(const char*, int properties, int size)
      : size_(size), is_for_phones_((properties & BLERead) != 0) {}
  const uint8_t* value() const { return value_; }
  int valueLength() const { return length_; }
  bool subscribed() const;
  int writeValue(const uint8_t* value, int length);
  void setEventHandler(int, BLECharacteristicEventHandler handler) { handler_ = handler; }
  void arrived(const uint8_t* value, int length);

 private:
  int size_, length_ = 0;
  bool is_for_phones_;
  uint8_t value_[256];
  BLECharacteristicEventHandler handler_ = nullptr;
};

struct BLEService {
  explicit BLEService(const char*) {}
  void addCharacteristic(BLECharacteristic& characteristic);
};

class FakeBle {
 public:
  int begin();
  void setLocalName(const char*) {}
  void setDeviceName(const char*) {}
  void setAdvertisedService(BLEService&) {}
  void addService(BLEService&) {}
  void setConnectionInterval(int, int) {}
  int advertise() { return world.advertising = true; }
  bool connected();
  bool disconnect();
  void setEventHandler(BLEDeviceEvent, BLEDeviceEventHandler handler) { on_disconnect_ = handler; }
  void poll();
  void send(uint8_t* packet, size_t length);

 private:
  void event();
  void data();

  static constexpr size_t kRoom = 258;
  uint8_t received_[kRoom];
  size_t length_ = 0;
  unsigned pending_ = 0;
  bool connected_ = false;
  BLEDeviceEventHandler on_disconnect_ = nullptr;
};
extern FakeBle BLE;
