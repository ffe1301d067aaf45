// Product specification, "USBD - Universal serial bus device", and USB CDC 1.2 with PSTN 1.2 (abstract
// control model). All by looking at events; between them the processor sleeps.
#include "usb_echo.h"

#include "console.h"
#include "cpu.h"

namespace metal {

namespace {

constexpr uint32_t kHfclkStart = 0x000, kHfclkStarted = 0x100, kUsbPowerReady = 0x124, kUsbRegStatus = 0x438;
constexpr uint32_t kEp0RcvOut = 0x04C, kEp0Status = 0x050, kEp0Stall = 0x054, kUsbReset = 0x100,
                   kEp0DataDone = 0x128, kUsbEvent = 0x158, kEp0Setup = 0x15C, kEpData = 0x160,
                   kEventCause = 0x400, kEpDataStatus = 0x46C, kUsbAddress = 0x470, kSetup = 0x480,
                   kEnable = 0x500, kPullup = 0x504, kEpInEn = 0x510, kEpOutEn = 0x514,
                   kCauseReady = 1u << 11;
constexpr uint32_t start_in(uint32_t n) {
  return 0x004 + 4 * n;
}
constexpr uint32_t start_out(uint32_t n) {
  return 0x028 + 4 * n;
}
constexpr uint32_t end_in(uint32_t n) {
  return 0x108 + 4 * n;
}
constexpr uint32_t end_out(uint32_t n) {
  return 0x130 + 4 * n;
}
constexpr uint32_t size_out(uint32_t n) {
  return 0x4A0 + 4 * n;
}
constexpr uint32_t in_ptr(uint32_t n) {
  return 0x600 + 0x14 * n;
}
constexpr uint32_t out_ptr(uint32_t n) {
  return 0x700 + 0x14 * n;
}
constexpr uint32_t kMaxcnt = 4, kAmount = 8;  // behind a PTR
constexpr uint32_t kNotify = 1, kData = 2, kPacket = 64;

constexpr uint8_t kDevice[18] = {18,   1,    0x00, 0x02, 0xEF, 2, 1, kPacket, 0x09,
                                 0x12, 0x01, 0x00, 0x00, 0x01, 1, 2, 3,       1};
constexpr uint8_t kConfiguration[75] = {9,    2,       75,
                                        0,    2,       1,
                                        0,    0x80,    50,  // two interfaces, powered by the bus
                                        8,    11,      0,
                                        2,    2,       2,
                                        0,    0,  // that belong together
                                        9,    4,       0,
                                        0,    1,       2,
                                        2,    0,       0,  // control
                                        5,    0x24,    0,
                                        0x20, 0x01,  // CDC 1.2
                                        5,    0x24,    1,
                                        0,    1,  // no call management
                                        4,    0x24,    2,
                                        2,  // line coding and DTR
                                        5,    0x24,    6,
                                        0,    1,  // 0 controls 1
                                        7,    5,       0x80 | kNotify,
                                        3,    8,       0,
                                        16,  // notifications
                                        9,    4,       1,
                                        0,    2,       10,
                                        0,    0,       0,  // data
                                        7,    5,       kData,
                                        2,    kPacket, 0,
                                        0,  //
                                        7,    5,       0x80 | kData,
                                        2,    kPacket, 0,
                                        0};
constexpr char kStrings[4][20] = {"\x09\x04", "bytefed", "emulator's echo", "0001"};

// The control transfer that is under way; EasyDMA reads and writes RAM alone.
uint8_t control[128], packet[kPacket];
uint32_t control_size, control_sent;
bool control_in;
uint8_t line_coding[7] = {0x00, 0xC2, 0x01, 0x00, 0, 0, 8};
uint32_t configured;
bool sending, end_with_nothing;  // an IN packet that the host has not fetched yet; a full one is followed by
                                 // an empty one

void run_dma(uint32_t task, uint32_t end) {
  clear(kUsbd, end);
  __asm volatile("dsb" ::: "memory");
  kUsbd[task] = 1;
  while (kUsbd[end] == 0) {
  }
  clear(kUsbd, end);
}

void send_control_packet() {
  const uint32_t rest = control_size - control_sent, size = rest < kPacket ? rest : kPacket;
  kUsbd[in_ptr(0)] = reinterpret_cast<uint32_t>(control) + control_sent;
  kUsbd[in_ptr(0) + kMaxcnt] = size;
  control_sent += size;
  run_dma(start_in(0), end_in(0));
}

void answer(const uint8_t* data, uint32_t size, uint32_t wanted) {
  control_size = size < wanted ? size : wanted;
  control_sent = 0;
  control_in = true;
  for (uint32_t i = 0; i < control_size; ++i) control[i] = data[i];
  send_control_packet();
}

void answer_string(uint32_t index, uint32_t wanted) {
  uint8_t text[2 + 2 * 20] = {2, 3};
  if (index == 0) {
    text[0] = 4;
    text[2] = 0x09;
    text[3] = 0x04;
  } else {
    for (uint32_t i = 0; kStrings[index][i] != 0; ++i, text[0] = static_cast<uint8_t>(text[0] + 2)) {
      text[2 + 2 * i] = static_cast<uint8_t>(kStrings[index][i]);
      text[3 + 2 * i] = 0;
    }
  }
  answer(text, text[0], wanted);
}

void accept() {
  kUsbd[kEp0Status] = 1;
}

void configure(uint32_t value) {
  configured = value;
  kUsbd[kEpInEn] = 1u | 1u << kNotify | 1u << kData;
  kUsbd[kEpOutEn] = 1u | 1u << kData;
  kUsbd[size_out(kData)] = 0;  // takes the first packet
  sending = end_with_nothing = false;
  print("USB configured\n");
}

void on_setup() {
  uint8_t s[8];
  for (uint32_t i = 0; i < 8; ++i) s[i] = static_cast<uint8_t>(kUsbd[kSetup + 4 * i]);
  const uint32_t request = static_cast<uint32_t>(s[0]) << 8 | s[1],
                 wanted = s[6] | static_cast<uint32_t>(s[7]) << 8;
  const uint8_t nothing[2] = {};
  switch (request) {
    case 0x8006:
      if (s[3] == 1) return answer(kDevice, sizeof kDevice, wanted);
      if (s[3] == 2) return answer(kConfiguration, sizeof kConfiguration, wanted);
      if (s[3] == 3 && s[2] < 4) return answer_string(s[2], wanted);
      break;
    case 0x8000:
    case 0x8100: return answer(nothing, 2, wanted);  // status
    case 0x0005: return;                             // SET_ADDRESS is the hardware's
    case 0x0009: configure(s[2]); return accept();
    case 0x21A1: break;
    case 0xA121: return answer(line_coding, sizeof line_coding, wanted);
    case 0x2120:
      control_in = false;
      kUsbd[kEp0RcvOut] = 1;
      return;
    case 0x2122: print((s[2] & 1) != 0 ? "USB opened\n" : "USB closed\n"); return accept();
    default: break;
  }
  kUsbd[kEp0Stall] = 1;
}

void on_control_data() {
  if (control_in) {
    if (control_sent < control_size) return send_control_packet();
    return accept();
  }
  kUsbd[out_ptr(0)] = reinterpret_cast<uint32_t>(line_coding);
  kUsbd[out_ptr(0) + kMaxcnt] = sizeof line_coding;
  run_dma(start_out(0), end_out(0));
  accept();
}

void send(uint32_t size) {
  kUsbd[in_ptr(kData)] = reinterpret_cast<uint32_t>(packet);
  kUsbd[in_ptr(kData) + kMaxcnt] = size;
  run_dma(start_in(kData), end_in(kData));
  sending = true;
  end_with_nothing = size == kPacket;
}

bool received;  // a packet that waits to be fetched out of the peripheral

void on_data() {
  const uint32_t status = kUsbd[kEpDataStatus];
  kUsbd[kEpDataStatus] = status;
  if ((status >> kData & 1) != 0) {
    sending = false;
    if (end_with_nothing && !received) send(0);
  }
  if ((status >> (16 + kData) & 1) != 0) received = true;
}

// One packet at a time: the next one is taken out once the host has fetched the last.
void echo() {
  if (!received || sending) return;
  received = false;
  const uint32_t size = kUsbd[size_out(kData)];
  kUsbd[out_ptr(kData)] = reinterpret_cast<uint32_t>(packet);
  kUsbd[out_ptr(kData) + kMaxcnt] = size;
  run_dma(start_out(kData), end_out(kData));
  if (kUsbd[out_ptr(kData) + kAmount] != size) print("FAILED usb_echo.cpp: AMOUNT is not SIZE\n");
  send(size);
}

bool take(uint32_t event) {
  if (kUsbd[event] == 0) return false;
  clear(kUsbd, event);
  return true;
}

void attach() {
  clear(kClock, kHfclkStarted);
  kClock[kHfclkStart] = 1;
  comes(kClock, kHfclkStarted, 2000);
  while ((kPower[kUsbRegStatus] & 1) == 0) {  // VBUS
  }
  kUsbd[kEnable] = 1;
  while ((kUsbd[kEventCause] & kCauseReady) == 0) {
  }
  kUsbd[kEventCause] = kCauseReady;
  while ((kPower[kUsbRegStatus] & 2) == 0) {  // the regulator's output
  }
  kUsbd[kEpInEn] = 1;
  kUsbd[kEpOutEn] = 1;
  kUsbd[kPullup] = 1;
}

// A stack for whoever measures from outside: a mark at its end as RTX makes it, and 20 words in use.
volatile uint32_t measured_stack[60];

void use_stack() {
  measured_stack[0] = 0xE25A2EA5;
  for (uint32_t i = 40; i < 60; ++i) measured_stack[i] = i;
}

}  // namespace

void echo_over_usb() {
  use_stack();
  handle_nothing();
  attach();
  kUsbd[kIntenset] =
      event_bit(kUsbReset) | event_bit(kEp0Setup) | event_bit(kEp0DataDone) | event_bit(kEpData);
  word(scs::kScr) = 1u << 4;  // what is pending wakes, without a handler
  for (;;) {
    if (take(kUsbReset)) {
      configured = 0;
      received = sending = false;
    }
    if (take(kEp0Setup)) on_setup();
    if (take(kEp0DataDone)) on_control_data();
    if (take(kEpData)) on_data();
    if (configured != 0) echo();
    unpend(kUsbd.interrupt());
    __asm volatile("wfe" ::: "memory");
  }
}

}  // namespace metal
