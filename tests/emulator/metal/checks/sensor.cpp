// The sensors of boards, as their datasheets say: whoever answers is asked who it is, switched on and read.
// The recording that is played is the one in tests/emulator/test_metal.py: two rows, the second the negative
// of the first, a tenth of a second each.
#include "../check.h"
#include "../console.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kStartRx = 0x000, kStartTx = 0x008, kStop = 0x014, kSuspend = 0x01C, kResume = 0x020,
                   kStopped = 0x104, kRxdReady = 0x108, kTxdSent = 0x11C, kError = 0x124, kBb = 0x138,
                   kSuspended = 0x148, kLastRx = 0x15C, kLastTx = 0x160, kErrorSrc = 0x4C4, kEnable = 0x500,
                   kPselScl = 0x508, kPselSda = 0x50C, kRxd = 0x518, kTxd = 0x51C, kFrequency = 0x524,
                   kRxdPtr = 0x534, kRxdMaxcnt = 0x538, kRxdAmount = 0x53C, kTxdPtr = 0x544,
                   kTxdMaxcnt = 0x548, kTxdAmount = 0x54C, kAddress = 0x588;
constexpr uint32_t kTwi = 5, kTwim = 6, kLastTxStartRx = 1u << 7, kLastTxStop = 1u << 9,
                   kLastRxStop = 1u << 12, kBbSuspend = 1, kBbStop = 2;

uint8_t buffer[40];

void set_up(uint32_t kind, uint8_t address) {
  kTwi0[kEnable] = 0;
  kTwi0[kPselScl] = 11;
  kTwi0[kPselSda] = 12;
  kTwi0[kFrequency] = 0x06400000;  // 400 kHz
  kTwi0[kAddress] = address;
  kTwi0[kShorts] = 0;
  kTwi0[kErrorSrc] = 7;
  for (const uint32_t event : {kStopped, kRxdReady, kTxdSent, kError, kBb, kSuspended, kLastRx, kLastTx})
    clear(kTwi0, event);
  kTwi0[kEnable] = kind;
}

// Sends the bytes of `buffer` by EasyDMA, first of them the register.
bool send(uint8_t address, uint32_t count) {
  set_up(kTwim, address);
  kTwi0[kTxdPtr] = reinterpret_cast<uint32_t>(buffer);
  kTwi0[kTxdMaxcnt] = count;
  kTwi0[kShorts] = kLastTxStop;
  kTwi0[kStartTx] = 1;
  const uint32_t start = cycles();
  while (kTwi0[kStopped] == 0 && kTwi0[kError] == 0 && cycles() - start < 64 * 5000) {
  }
  const bool refused = kTwi0[kError] != 0;
  if (refused) {
    kTwi0[kStop] = 1;
    comes(kTwi0, kStopped, 100);
  }
  return !refused && kTwi0[kTxdAmount] == count;
}

void set(uint8_t address, uint8_t index, uint8_t value) {
  buffer[0] = index;
  buffer[1] = value;
  TRUE(send(address, 2));
}

// Reads by EasyDMA after a repeated start. The time is that of the bits at 400 kHz.
void get(uint8_t address, uint8_t index, uint32_t count) {
  set_up(kTwim, address);
  static uint8_t selector;
  selector = index;
  kTwi0[kTxdPtr] = reinterpret_cast<uint32_t>(&selector);
  kTwi0[kTxdMaxcnt] = 1;
  kTwi0[kRxdPtr] = reinterpret_cast<uint32_t>(buffer);
  kTwi0[kRxdMaxcnt] = count;
  kTwi0[kShorts] = kLastTxStartRx | kLastRxStop;
  const uint32_t start = cycles();
  kTwi0[kStartTx] = 1;
  TRUE(comes(kTwi0, kStopped, 5000));
  const uint32_t bits = (count + 3) * 9, microseconds = bits * 5 / 2;
  BETWEEN((cycles() - start) / 64, microseconds * 9 / 10, microseconds * 12 / 10 + 10);
  EQUAL(kTwi0[kLastRx], 1);
  EQUAL(kTwi0[kRxdAmount], count);
}

uint8_t get(uint8_t address, uint8_t index) {
  get(address, index, 1);
  return buffer[0];
}

// Without EasyDMA, byte by byte: what comes is acknowledged and waited for, but for the last one.
void get_by_bytes(uint8_t address, uint8_t index, uint32_t count) {
  set_up(kTwi, address);
  kTwi0[kStartTx] = 1;
  kTwi0[kTxd] = index;
  TRUE(comes(kTwi0, kTxdSent, 200));
  kTwi0[kShorts] = count > 1 ? kBbSuspend : kBbStop;
  kTwi0[kStartRx] = 1;  // a repeated start
  for (uint32_t i = 0; i < count; ++i) {
    TRUE(comes(kTwi0, kRxdReady, 200));
    clear(kTwi0, kRxdReady);
    buffer[i] = static_cast<uint8_t>(kTwi0[kRxd]);
    if (i + 2 == count) kTwi0[kShorts] = kBbStop;
    if (i + 1 < count) kTwi0[kResume] = 1;
  }
  TRUE(comes(kTwi0, kStopped, 200));
}

struct Reading {
  int16_t values[3];
};

Reading read(uint8_t address, uint8_t index, bool by_bytes) {
  if (by_bytes)
    get_by_bytes(address, index, 6);
  else
    get(address, index, 6);
  Reading reading;
  for (uint32_t i = 0; i < 3; ++i)
    reading.values[i] = static_cast<int16_t>(buffer[2 * i] | buffer[2 * i + 1] << 8);
  return reading;
}

bool same(const Reading& a, const Reading& b, int sign) {
  for (uint32_t i = 0; i < 3; ++i) {
    const int difference = a.values[i] - sign * b.values[i];
    if (difference < -1 || difference > 1) return false;
  }
  return true;
}

// Reads until the recording's row has changed: first one row, then its negative.
void check_readings(uint8_t address, uint8_t index, const Reading& wanted) {
  const Reading first = read(address, index, false);
  const int sign = same(first, wanted, 1) ? 1 : -1;
  TRUE(same(first, wanted, sign));
  for (uint32_t i = 0; i < 1100 && same(read(address, index, true), wanted, sign); ++i) delay(1000);
  TRUE(same(read(address, index, true), wanted, -sign));
}

void check_silence(uint8_t address, uint8_t index) {
  TRUE(same(read(address, index, false), Reading{{0, 0, 0}}, 1));
}

void check_lsm6ds() {
  const uint8_t who = get(0x6A, 0x0F);
  TRUE(who == 0x69 || who == 0x6A);
  set(0x6A, 0x12, 0x01);  // reset
  EQUAL(get(0x6A, 0x12) & 1, 0);
  check_silence(0x6A, 0x28);
  set(0x6A, 0x10, 0x48);  // 104 Hz, 4 g
  set(0x6A, 0x11, 0x4C);  // 104 Hz, 2000 degrees/s
  EQUAL(get(0x6A, 0x10), 0x48);
  check_readings(0x6A, 0x28, {{1254, -2090, 7940}});
  check_readings(0x6A, 0x22, {{409, -205, 1637}});
  set(0x6A, 0x10, 0x44);  // 16 g
  check_readings(0x6A, 0x28, {{313, -522, 1985}});
}

void check_lsm9ds1() {
  EQUAL(get(0x6B, 0x0F), 0x68);
  EQUAL(get(0x1E, 0x0F), 0x3D);
  set(0x6B, 0x22, 0x05);  // reset
  check_silence(0x6B, 0x28);
  set(0x6B, 0x10, 0x78);  // 119 Hz, 2000 degrees/s
  set(0x6B, 0x20, 0x70);  // 119 Hz, 4 g
  check_readings(0x6B, 0x28, {{1254, -2090, 7940}});
  check_readings(0x6B, 0x98, {{409, -205, 1637}});  // the highest bit does not count
  delay(20000);
  EQUAL(get(0x6B, 0x17) & 3, 3);
}

void check_lis3dh() {
  EQUAL(get(0x19, 0x0F), 0x33);
  check_silence(0x19, 0xA8);
  set(0x19, 0x20, 0x77);  // 400 Hz
  set(0x19, 0x23, 0x88);  // 2 g, 12 bits
  check_readings(0x19, 0xA8, {{153 * 16, -255 * 16, 969 * 16}});
  delay(20000);
  EQUAL(get(0x19, 0x27) & 8, 8);
  get(0x19, 0x28, 2);  // without the highest bit, one register only
  EQUAL(buffer[0], buffer[1]);
}

void upload(uint32_t bytes) {
  for (uint32_t i = 0; i < bytes; i += 32) {
    buffer[0] = 0x5B;
    buffer[1] = static_cast<uint8_t>(i / 2 & 15);
    buffer[2] = static_cast<uint8_t>(i / 2 >> 4);
    TRUE(send(0x68, 3));
    for (uint32_t k = 0; k < 33; ++k) buffer[k] = static_cast<uint8_t>(k == 0 ? 0x5E : k);
    TRUE(send(0x68, 33));
  }
}

void check_bmi270() {
  EQUAL(get(0x68, 0x00), 0x24);
  set(0x68, 0x7E, 0xB6);  // reset
  set(0x68, 0x7C, 0x00);
  set(0x68, 0x59, 0x00);
  upload(256);
  set(0x68, 0x59, 0x01);
  EQUAL(get(0x68, 0x21) & 15, 2);  // that was no configuration
  set(0x68, 0x7D, 0x06);
  check_silence(0x68, 0x0C);
  set(0x68, 0x59, 0x00);
  upload(8192);
  set(0x68, 0x59, 0x01);
  EQUAL(get(0x68, 0x21) & 15, 1);
  set(0x68, 0x41, 1);                                 // 4 g
  set(0x68, 0x43, 0);                                 // 2000 degrees/s
  check_readings(0x68, 0x0C, {{2088, -1253, 7936}});  // its axes are turned against the board's
  check_readings(0x68, 0x12, {{235, -469, 1877}});
  EQUAL(get(0x10, 0x40), 0);  // the magnetometer sleeps
  set(0x10, 0x4B, 1);
  EQUAL(get(0x10, 0x40), 0x32);
}

bool answers(uint8_t address) {
  buffer[0] = 0;
  return send(address, 1);
}

}  // namespace

void check_sensor() {
  uint32_t found = 0;
  const struct {
    uint8_t address;
    void (*check)();
  } sensors[] = {{0x6A, check_lsm6ds}, {0x6B, check_lsm9ds1}, {0x19, check_lis3dh}, {0x68, check_bmi270}};
  for (const auto& sensor : sensors) {
    if (!answers(sensor.address)) continue;
    found += 1;
    sensor.check();
  }
  print("SENSORS ");
  print_decimal(found);
  print("\n");
  kTwi0[kEnable] = 0;
}

}  // namespace metal
