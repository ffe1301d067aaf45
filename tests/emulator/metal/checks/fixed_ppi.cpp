// Product specification, "PPI", pre-programmed channels 20 to 31, with what "RADIO", "TIMER" and "RTC" do
// there. They need no set-up; each is enabled alone.
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kChen = 0x500, kHfclkStart = 0x000, kHfclkStarted = 0x100;
constexpr uint32_t kTxen = 0x000, kDisable = 0x010, kReady = 0x100, kEnd = 0x10C, kDisabled = 0x110,
                   kPacketPtr = 0x504, kFrequency = 0x508, kMode = 0x510, kPcnf0 = 0x514, kPcnf1 = 0x518,
                   kBase0 = 0x51C, kPrefix0 = 0x524, kTxAddress = 0x52C, kRxAddresses = 0x530,
                   kCrcCnf = 0x534, kCrcPoly = 0x538, kCrcInit = 0x53C, kState = 0x550, kDataWhiteIv = 0x554,
                   kModeCnf0 = 0x650, kRadioPower = 0xFFC;
constexpr uint32_t kStateDisabled = 0, kStateRx = 3, kStateTxIdle = 10;
constexpr uint32_t kReadyStart = 1, kEndDisable = 2;
constexpr uint32_t kStart = 0x000, kStop = 0x004, kClear = 0x00C, kBitmode = 0x508, kPrescaler = 0x510;
constexpr uint32_t cc(uint32_t n) {
  return 0x540 + 4 * n;
}

uint8_t packet[40] = {0x02, 9, 1, 2, 3, 4, 5, 6, 0x02, 0x01, 0x06};  // an advertisement of 9 bytes

void set_up_radio() {
  clear(kClock, kHfclkStarted);
  kClock[kHfclkStart] = 1;
  TRUE(comes(kClock, kHfclkStarted, 2000));
  kRadio[kRadioPower] = 0;
  kRadio[kRadioPower] = 1;
  EQUAL(kRadio[kState], kStateDisabled);
  kRadio[kMode] = 3;       // Bluetooth LE, 1 Mbit/s
  kRadio[kFrequency] = 2;  // channel 37
  kRadio[kDataWhiteIv] = 37;
  kRadio[kPcnf0] = 8 | 1u << 8;
  kRadio[kPcnf1] = 37 | 3u << 16 | 1u << 25;
  kRadio[kBase0] = 0x89BED600;
  kRadio[kPrefix0] = 0x8E;
  kRadio[kTxAddress] = 0;
  kRadio[kRxAddresses] = 1;
  kRadio[kCrcCnf] = 3 | 1u << 8;
  kRadio[kCrcPoly] = 0x65B;
  kRadio[kCrcInit] = 0x555555;
  kRadio[kPacketPtr] = reinterpret_cast<uint32_t>(packet);
  clear(kRadio, kReady);
  clear(kRadio, kEnd);
  clear(kRadio, kDisabled);
}

void set_up_timer() {
  kTimer0[kStop] = 1;
  kTimer0[kShorts] = 0;
  kTimer0[0x504] = 0;  // MODE
  kTimer0[kBitmode] = 3;
  kTimer0[kPrescaler] = 4;
  kTimer0[kClear] = 1;
  for (uint32_t n = 0; n < 4; ++n) kTimer0[cc(n)] = 100000;
}

uint32_t now() {
  kTimer0[0x04C] = 1;  // CAPTURE[3]
  return kTimer0[cc(3)];
}

// TIMER0's first compare starts the transmitter; ADDRESS and END of the packet are captured.
void check_transmission(bool fast) {
  set_up_radio();
  set_up_timer();
  const uint32_t ramp_up = fast ? 40 : 140;
  kRadio[kModeCnf0] = fast ? 1 | 2u << 8 : 2u << 8;
  kRadio[kShorts] = kReadyStart | kEndDisable;
  kTimer0[cc(0)] = 100;
  kPpi[kChen] = 1u << 20 | 1u << 26 | 1u << 27;
  kTimer0[kStart] = 1;
  TRUE(comes(kRadio, kReady, 400));
  BETWEEN(now(), 100 + ramp_up - 3, 100 + ramp_up + 6);
  TRUE(comes(kRadio, kDisabled, 400));
  EQUAL(kRadio[kState], kStateDisabled);
  const uint32_t address = kTimer0[cc(1)], end = kTimer0[cc(2)];
  BETWEEN(address, 100 + ramp_up + 40 - 3, 100 + ramp_up + 40 + 6);  // preamble of 1, address of 4 bytes
  BETWEEN(end - address, (2 + 9 + 3) * 8 - 2, (2 + 9 + 3) * 8 + 2);  // header, payload, CRC
  kPpi[kChen] = 0;
}

// TIMER0's first compare starts the receiver, its second one ends it. Nobody speaks.
void check_reception() {
  set_up_radio();
  set_up_timer();
  kRadio[kShorts] = kReadyStart;
  kTimer0[cc(0)] = 50;
  kTimer0[cc(1)] = 400;
  kPpi[kChen] = 1u << 21 | 1u << 22;
  kTimer0[kStart] = 1;
  delay(300);
  EQUAL(kRadio[kState], kStateRx);
  EQUAL(kRadio[kDisabled], 0);
  TRUE(comes(kRadio, kDisabled, 200));
  BETWEEN(now(), 398, 410);
  EQUAL(kRadio[kState], kStateDisabled);
  kPpi[kChen] = 0;
}

void set_up_rtc() {
  kRtc0[kStop] = 1;
  delay(100);
  kRtc0[0x008] = 1;  // CLEAR
  delay(100);
  kRtc0[kPrescaler - 8] = 0;
  clear(kRtc0, 0x140);
  kRtc0[0x344] = event_bit(0x140);  // EVTENSET
  kRtc0[cc(0)] = 10;
}

// RTC0's first compare starts and clears TIMER0, and starts transmitter or receiver.
void check_rtc_channels() {
  set_up_timer();
  set_up_rtc();
  kPpi[kChen] = 1u << 31;
  kRtc0[kStart] = 1;
  delay(200);
  EQUAL(now(), 0);
  delay(250);
  BETWEEN(now(), 100, 180);
  set_up_rtc();
  kPpi[kChen] = 1u << 30;
  kRtc0[kStart] = 1;
  delay(200);
  TRUE(now() > 300);  // it has run all the time
  delay(250);
  BETWEEN(now(), 100, 180);
  for (uint32_t channel = 28; channel < 30; ++channel) {
    set_up_radio();
    kRadio[kShorts] = 0;
    set_up_rtc();
    kPpi[kChen] = 1u << channel;
    kRtc0[kStart] = 1;
    TRUE(comes(kRadio, kReady, 600));
    EQUAL(kRadio[kState], channel == 28 ? kStateTxIdle : 2u);
    kRadio[kDisable] = 1;
    TRUE(comes(kRadio, kDisabled, 30));
  }
  kPpi[kChen] = 0;
  kRtc0[kStop] = 1;
  kTimer0[kStop] = 1;
}

}  // namespace

void check_fixed_ppi() {
  check_transmission(false);
  check_transmission(true);
  check_reception();
  check_rtc_channels();
}

}  // namespace metal
