// UARTE0 at 1 Mbaud on P0.06, by EasyDMA: product specification, "UARTE".
#include "console.h"

#include "registers.h"

namespace metal {

namespace {

constexpr uint32_t kStartTx = 0x008, kEndTx = 0x120, kEnable = 0x500, kPselTxd = 0x50C, kBaudrate = 0x524,
                   kTxdPtr = 0x544, kTxdMaxcnt = 0x548;
char line[128];
uint32_t used = 0;

void flush() {
  kUarte0[kEndTx] = 0;
  kUarte0[kTxdPtr] = reinterpret_cast<uint32_t>(line);
  kUarte0[kTxdMaxcnt] = used;
  kUarte0[kStartTx] = 1;
  for (uint32_t i = 0; kUarte0[kEndTx] == 0 && i < 10000000; ++i) {
  }
  used = 0;
}

void put(char letter) {
  line[used++] = letter;
  if (letter == '\n' || used == sizeof line) flush();
}

}  // namespace

void open_console() {
  kUarte0[kPselTxd] = 6;
  kUarte0[kBaudrate] = 0x10000000;
  kUarte0[kEnable] = 8;
}

void print(const char* text) {
  while (*text != 0) put(*text++);
}

void print_hex(uint32_t value) {
  print("0x");
  bool begun = false;
  for (int shift = 28; shift >= 0; shift -= 4) {
    const uint32_t digit = value >> shift & 15;
    begun = begun || digit != 0 || shift == 0;
    if (begun) put("0123456789abcdef"[digit]);
  }
}

void print_decimal(uint32_t value) {
  if (value >= 10) print_decimal(value / 10);
  put(static_cast<char>('0' + value % 10));
}

}  // namespace metal
