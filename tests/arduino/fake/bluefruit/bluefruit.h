// Bluefruit52Lib where it is odd: writes arrive in another task, notify() fails while the queue is full.
#pragma once
#include <cstddef>
#include <cstdint>

enum {
  ERROR_NONE = 0,
  CHR_PROPS_READ = 2,
  CHR_PROPS_WRITE = 8,
  CHR_PROPS_WRITE_WO_RESP = 4,
  CHR_PROPS_NOTIFY = 16
};
enum { SECMODE_NO_ACCESS = 0, SECMODE_OPEN = 0x11, BLE_CONN_HANDLE_INVALID = 0xFFFF };
enum { BLE_GATTC_WRITE_CMD_TX_QUEUE_SIZE_DEFAULT = 1, BLE_GAP_ADV_FLAGS_LE_ONLY_GENERAL_DISC_MODE = 6 };

class BLECharacteristic {
 public:
  using write_cb_t = void (*)(uint16_t, BLECharacteristic*, uint8_t*, uint16_t);
  explicit BLECharacteristic(const char*) {}
  void setProperties(int properties) { is_for_phones_ = (properties & CHR_PROPS_READ) != 0; }
  void setPermission(int, int) {}
  void setMaxLen(uint16_t) {}
  void setWriteCallback(write_cb_t callback, bool later);
  int begin() { return ERROR_NONE; }
  uint16_t write(const void* data, uint16_t length);
  bool notifyEnabled(uint16_t handle);
  bool notify(uint16_t handle, const void* data, uint16_t length);

 private:
  bool is_for_phones_ = false;
};

struct BLEService {
  explicit BLEService(const char*) {}
  int begin() { return ERROR_NONE; }
};

struct BLEConnection {
  uint16_t getMtu();
};

struct FakeAdvertising {
  bool addFlags(int) { return true; }
  bool addService(BLEService&) { return true; }
  void restartOnDisconnect(bool) {}
  void setInterval(int, int) {}
  void setFastTimeout(int) {}
  bool start(int);
};
struct FakeScanResponse {
  bool addName() { return true; }
};
struct FakePeriph {
  void setConnectCallback(void (*callback)(uint16_t));
  void setDisconnectCallback(void (*callback)(uint16_t, uint8_t));
  bool setConnInterval(int, int) { return true; }
};
struct FakeBluefruit {
  FakeAdvertising Advertising;
  FakeScanResponse ScanResponse;
  FakePeriph Periph;
  void autoConnLed(bool) {}
  void configPrphConn(int, int, int, int) {}
  bool begin();
  void setName(const char*) {}
  BLEConnection* Connection(uint16_t handle);
  bool disconnect(uint16_t handle);
};
extern FakeBluefruit Bluefruit;
