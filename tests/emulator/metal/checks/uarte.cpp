// Product specification, "UARTE - Universal asynchronous receiver/transmitter with EasyDMA".
#include "../check.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kStartRx = 0x000, kStopRx = 0x004, kStartTx = 0x008, kStopTx = 0x00C, kEndRx = 0x110,
                   kEndTx = 0x120, kRxto = 0x144, kRxStarted = 0x14C, kTxStarted = 0x150, kTxStopped = 0x158,
                   kEnable = 0x500, kPselTxd = 0x50C, kPselRxd = 0x514, kBaudrate = 0x524, kRxdPtr = 0x534,
                   kRxdMaxcnt = 0x538, kRxdAmount = 0x53C, kTxdPtr = 0x544, kTxdMaxcnt = 0x548,
                   kTxdAmount = 0x54C;

}  // namespace

void check_uarte() {
  static char text[] = "0123456789abcdefghi\n", heard[16];
  kUarte1[kPselTxd] = 33;
  kUarte1[kPselRxd] = 34;
  kUarte1[kBaudrate] = 0x01D60000;  // 115,200
  kUarte1[kEnable] = 8;
  for (const uint32_t event : {kEndRx, kEndTx, kRxto, kRxStarted, kTxStarted, kTxStopped})
    clear(kUarte1, event);
  kUarte1[kTxdPtr] = reinterpret_cast<uint32_t>(text);
  kUarte1[kTxdMaxcnt] = 20;
  const uint32_t start = cycles();
  kUarte1[kStartTx] = 1;
  TRUE(comes(kUarte1, kTxStarted, 20));
  EQUAL(kUarte1[kEndTx], 0);
  TRUE(comes(kUarte1, kEndTx, 3000));
  BETWEEN((cycles() - start) / 64, 1650, 1850);  // 20 x 10 bits: 1,736 us
  EQUAL(kUarte1[kTxdAmount], 20);
  kUarte1[kStopTx] = 1;
  TRUE(comes(kUarte1, kTxStopped, 200));
  kUarte1[kRxdPtr] = reinterpret_cast<uint32_t>(heard);
  kUarte1[kRxdMaxcnt] = sizeof heard;
  kUarte1[kStartRx] = 1;
  TRUE(comes(kUarte1, kRxStarted, 20));
  delay(500);
  EQUAL(kUarte1[kEndRx], 0);  // nobody sends
  kUarte1[kStopRx] = 1;
  TRUE(comes(kUarte1, kRxto, 1000));
  EQUAL(kUarte1[kEndRx], 1);
  EQUAL(kUarte1[kRxdAmount], 0);
  kUarte1[kEnable] = 0;
}

}  // namespace metal
