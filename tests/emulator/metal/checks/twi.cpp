// Product specification, "TWI - I2C compatible two-wire interface" and "TWIM - ... master with EasyDMA":
// nobody answers at an address. What sensors answer is checked in sensor.cpp.
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kStartRx = 0x000, kStartTx = 0x008, kStop = 0x014, kStopped = 0x104, kError = 0x124,
                   kTxStarted = 0x150, kErrorSrc = 0x4C4, kEnable = 0x500, kPselScl = 0x508, kPselSda = 0x50C,
                   kTxd = 0x51C, kFrequency = 0x524, kTxdPtr = 0x544, kTxdMaxcnt = 0x548, kTxdAmount = 0x54C,
                   kAddress = 0x588;
constexpr uint32_t kNobody = 0x11, kAddressNack = 2, k400kHz = 0x06400000;

void set_up(const Peripheral& twi, uint32_t kind) {
  twi[kEnable] = 0;
  twi[kPselScl] = 11;
  twi[kPselSda] = 12;
  twi[kFrequency] = k400kHz;
  twi[kAddress] = kNobody;
  twi[kEnable] = kind;
  twi[kErrorSrc] = 7;
  for (const uint32_t event : {kStopped, kError, kTxStarted}) clear(twi, event);
}

void check_refusal(const Peripheral& twi) {
  const uint32_t start = cycles();
  TRUE(comes(twi, kError, 100));
  BETWEEN((cycles() - start) / 64, 15, 60);  // nine bits at 400 kHz, and the start
  EQUAL(twi[kErrorSrc], kAddressNack);
  twi[kErrorSrc] = kAddressNack;
  EQUAL(twi[kErrorSrc], 0);
  EQUAL(twi[kStopped], 0);
  twi[kStop] = 1;
  TRUE(comes(twi, kStopped, 50));
  twi[kEnable] = 0;
}

}  // namespace

void check_twi() {
  for (const Peripheral* twi : {&kTwi0, &kTwi1}) {
    set_up(*twi, 5);
    (*twi)[kStartTx] = 1;
    (*twi)[kTxd] = 0x0F;
    check_refusal(*twi);
    set_up(*twi, 5);
    (*twi)[kStartRx] = 1;
    check_refusal(*twi);
  }
}

namespace {

// A controller that sends nothing only asks whether somebody is there. STOP comes while the address is on its
// way.
void check_question(const Peripheral& twi) {
  set_up(twi, 6);
  twi[kTxdMaxcnt] = 0;
  twi[kStartTx] = 1;
  twi[kStop] = 1;
  TRUE(comes(twi, kStopped, 100));
  EQUAL(twi[kError], 1);
  EQUAL(twi[kErrorSrc], kAddressNack);
  twi[kEnable] = 0;
}

}  // namespace

void check_twim() {
  static uint8_t bytes[2];
  for (const Peripheral* twi : {&kTwi0, &kTwi1}) {
    set_up(*twi, 6);
    (*twi)[kTxdPtr] = reinterpret_cast<uint32_t>(bytes);
    (*twi)[kTxdMaxcnt] = sizeof bytes;
    (*twi)[kStartTx] = 1;
    check_refusal(*twi);
    EQUAL((*twi)[kTxStarted], 1);
    EQUAL((*twi)[kTxdAmount], 0);
    check_question(*twi);
  }
}

}  // namespace metal
