// ArduinoBLE 1.5.0 where it is odd: it drops what its 256 bytes of receive buffer have no room for, cuts
// notifications off at the MTU, and calls handlers from poll() and from writeValue().
#pragma once
#include "../common/world.h"

enum { BLEWrite = 8, BLEWriteWithoutResponse = 4, BLENotify = 16, BLEWritten = 2 };

struct BLEDevice {};
class BLECharacteristic;
using BLECharacteristicEventHandler = void (*)(BLEDevice, BLECharacteristic);

class BLECharacteristic {
 public:
  BLECharacteristic(const char*, int, int size) : size_(size) {}
  const uint8_t* value() const { return value_; }
  int valueLength() const { return length_; }
  bool subscribed() const { return world.connected && world.subscribed; }
  int writeValue(const uint8_t* value, int length);
  void setEventHandler(int, BLECharacteristicEventHandler handler) { handler_ = handler; }
  void arrived(const Bytes& value);

 private:
  int size_, length_ = 0;
  uint8_t value_[256];
  BLECharacteristicEventHandler handler_ = nullptr;
};

struct BLEService {
  explicit BLEService(const char*) {}
  void addCharacteristic(BLECharacteristic& characteristic);
};

struct FakeBle {
  int begin() { return world.radio_fails ? 0 : 1; }
  void setLocalName(const char*) {}
  void setDeviceName(const char*) {}
  void setAdvertisedService(BLEService&) {}
  void addService(BLEService&) {}
  void setConnectionInterval(int, int) {}
  int advertise() { return world.advertising = true; }
  bool connected() { return world.connected; }
  void poll();
};
extern FakeBle BLE;
