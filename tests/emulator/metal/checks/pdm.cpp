// Product specification, "PDM - Pulse density modulation interface": samples and their time, buffers, gains.
// The recording that is played is the one in tests/emulator/test_metal.py: it rises by kStep from sample to
// sample.
#include "../check.h"
#include "../console.h"
#include "../cpu.h"

namespace metal {

namespace {

constexpr uint32_t kStart = 0x000, kStop = 0x004, kStarted = 0x100, kStopped = 0x104, kEnd = 0x108,
                   kEnable = 0x500, kClock = 0x504, kMode = 0x508, kGainLeft = 0x518, kGainRight = 0x51C,
                   kRatio = 0x520, kPselClk = 0x540, kPselDin = 0x544, kPtr = 0x560, kMaxcnt = 0x564;
constexpr uint32_t kClock1032 = 0x08400000, kClock1280 = 0x0A000000, kRatio64 = 0, kRatio80 = 1, kStereo = 0,
                   kMono = 1, kNoGain = 0x28, kMostGain = 0x50, kDisconnected = 0xFFFFFFFF;
constexpr uint32_t kSamples = 16;
constexpr int kUntouched = 0x5A5A, kStep = 8,
              kPeriod = 2000;  // of the recording: steps until it begins again

int16_t first[kSamples + 1], second[kSamples + 1];  // the last one has to stay as it is

uint32_t address(const int16_t* buffer) {
  return reinterpret_cast<uint32_t>(buffer);
}

void set_up(uint32_t mode) {
  kPdm[kPselClk] = 32 + 8;
  kPdm[kPselDin] = 32 + 9;
  kPdm[kClock] = kClock1280;
  kPdm[kRatio] = kRatio80;  // 16,000 samples a second
  kPdm[kMode] = mode;
  kPdm[kGainLeft] = kPdm[kGainRight] = kNoGain;
  kPdm[kMaxcnt] = kSamples;
  kPdm[kPtr] = address(first);
  for (int16_t* buffer : {first, second})
    for (uint32_t i = 0; i <= kSamples; ++i) buffer[i] = kUntouched;
  for (const uint32_t event : {kStarted, kStopped, kEnd}) clear(kPdm, event);
  kPdm[kEnable] = 1;
}

void turn_off() {
  kPdm[kEnable] = 0;
  clear(kPdm, kEnd);
  clear(kPdm, kStarted);
}

void check_registers() {
  EQUAL(kPdm[kEnable], 0);
  EQUAL(kPdm[kClock], kClock1032);
  EQUAL(kPdm[kMode], 0);
  EQUAL(kPdm[kGainLeft], kNoGain);
  EQUAL(kPdm[kGainRight], kNoGain);
  EQUAL(kPdm[kRatio], 0);
  EQUAL(kPdm[kPselClk], kDisconnected);
  EQUAL(kPdm[kPselDin], kDisconnected);
  kPdm[kPtr] = address(first);
  kPdm[kMaxcnt] = kSamples;
  kPdm[kStart] = 1;  // it is not enabled
  EQUAL(comes(kPdm, kStarted, 200), 0);
}

// A buffer takes the time of its samples: 32 MHz by a whole number, by 64 or 80.
void check_time(uint32_t clock, uint32_t ratio, uint32_t mode, uint32_t microseconds) {
  set_up(mode);
  kPdm[kClock] = clock;
  kPdm[kRatio] = ratio;
  const uint32_t start = cycles();
  kPdm[kStart] = 1;
  TRUE(comes(kPdm, kStarted, 10));
  clear(kPdm, kStarted);
  TRUE(comes(kPdm, kEnd, 2 * microseconds));
  BETWEEN((cycles() - start) / 64, microseconds - 2, microseconds + 8);
  EQUAL(kPdm[kStarted], 1);
  EQUAL(first[kSamples - 1] == kUntouched, 0);
  EQUAL(first[kSamples], kUntouched);
  turn_off();
}

// From STARTED on SAMPLE.PTR names the next buffer; it is not looked at before the end of the first.
void check_two_buffers() {
  set_up(kMono);
  kPdm[kStart] = 1;
  TRUE(comes(kPdm, kStarted, 10));
  clear(kPdm, kStarted);
  kPdm[kPtr] = address(second);
  TRUE(comes(kPdm, kEnd, 1100));
  EQUAL(first[kSamples - 1] == kUntouched, 0);
  EQUAL(second[0], kUntouched);  // its first sample comes 62 us later
  EQUAL(kPdm[kStarted], 1);
  clear(kPdm, kEnd);
  delay(100);
  EQUAL(second[0] == kUntouched, 0);
  EQUAL(second[kSamples - 1], kUntouched);
  TRUE(comes(kPdm, kEnd, 1100));
  EQUAL(second[kSamples - 1] == kUntouched, 0);
  EQUAL(second[kSamples], kUntouched);
  turn_off();
}

// Whoever names no other buffer loses what is in this one.
void check_same_buffer() {
  set_up(kMono);
  kPdm[kStart] = 1;
  TRUE(comes(kPdm, kEnd, 1100));
  clear(kPdm, kEnd);
  first[0] = first[kSamples - 1] = kUntouched;
  delay(100);
  EQUAL(first[0] == kUntouched, 0);
  TRUE(comes(kPdm, kEnd, 1100));
  EQUAL(first[kSamples - 1] == kUntouched, 0);
  turn_off();
}

// A buffer without a place is over with the next sample, which is lost. The library of Arduino's cores begins
// so.
void check_no_place() {
  set_up(kMono);
  kPdm[kMaxcnt] = 0;
  kPdm[kPtr] = 0;
  kPdm[kStart] = 1;
  TRUE(comes(kPdm, kStarted, 10));
  clear(kPdm, kStarted);
  kPdm[kMaxcnt] = kSamples;
  kPdm[kPtr] = address(second);
  TRUE(comes(kPdm, kStarted, 70));
  EQUAL(kPdm[kEnd], 1);
  clear(kPdm, kEnd);
  TRUE(comes(kPdm, kEnd, 1100));
  EQUAL(second[0] == kUntouched, 0);
  turn_off();
}

// STOP lets the sample under way be the last.
void check_stop() {
  set_up(kMono);
  kPdm[kStart] = 1;
  delay(500);
  kPdm[kStop] = 1;
  EQUAL(kPdm[kStopped], 0);
  TRUE(comes(kPdm, kStopped, 70));
  EQUAL(kPdm[kEnd], 1);
  EQUAL(first[7] == kUntouched, 0);
  EQUAL(first[kSamples - 1], kUntouched);
  clear(kPdm, kEnd);
  EQUAL(comes(kPdm, kEnd, 1100), 0);
  EQUAL(first[kSamples - 1], kUntouched);
  clear(kPdm, kStarted);
  kPdm[kStart] = 1;
  TRUE(comes(kPdm, kStarted, 10));
  turn_off();
  EQUAL(comes(kPdm, kEnd, 1100), 0);  // what is not enabled does nothing, and says nothing
}

uint32_t interrupts = 0;

void check_interrupt() {
  set_up(kMono);
  handle(kInterrupt0 + kPdm.interrupt(), [] {
    interrupts += 1;
    clear(kPdm, kStarted);
  });
  kPdm[kIntenset] = event_bit(kStarted) | event_bit(kStopped);
  EQUAL(kPdm[kInten], 3);
  enable(kPdm.interrupt());
  kPdm[kStart] = 1;
  delay(2500);
  EQUAL(interrupts, 3);
  kPdm[kIntenclr] = 3;
  disable(kPdm.interrupt());
  turn_off();
}

void listen(uint32_t mode, uint32_t left, uint32_t right) {
  set_up(mode);
  kPdm[kGainLeft] = left;
  kPdm[kGainRight] = right;
  kPdm[kStart] = 1;
  TRUE(comes(kPdm, kEnd, 1100));
  turn_off();
}

// The recording's next sample after this one.
int next(int sample) {
  return sample + kStep >= kPeriod * kStep / 2 ? sample + kStep - kPeriod * kStep : sample + kStep;
}

// Two buffers in turn have every sample once.
void check_sound() {
  set_up(kMono);
  kPdm[kStart] = 1;
  TRUE(comes(kPdm, kStarted, 10));
  kPdm[kPtr] = address(second);
  TRUE(comes(kPdm, kEnd, 1100));
  clear(kPdm, kEnd);
  TRUE(comes(kPdm, kEnd, 1100));
  turn_off();
  for (uint32_t i = 1; i < kSamples; ++i) {
    EQUAL(first[i], next(first[i - 1]));
    EQUAL(second[i], next(second[i - 1]));
  }
  EQUAL(second[0], next(first[kSamples - 1]));
}

// Half a dB a step: 20 dB down and up are a tenth and ten times, as far as 16 bits reach.
void check_gains() {
  listen(kStereo, kNoGain, 0);
  for (uint32_t i = 0; i < kSamples; i += 2) {
    const int tenth = first[i] / 10 - (first[i] % 10 < -5) + (first[i] % 10 >= 5);
    EQUAL(first[i + 1], tenth);
    if (i > 0) EQUAL(first[i], next(first[i - 2]));
  }
  listen(kStereo, kMostGain, kNoGain);
  for (uint32_t i = 0; i < kSamples; i += 2) {
    const int tenfold = 10 * first[i + 1];
    EQUAL(first[i], tenfold > 32767 ? 32767 : tenfold < -32768 ? -32768 : tenfold);
  }
}

void check_unconnected() {
  for (const uint32_t pin : {kPselClk, kPselDin}) {
    set_up(kMono);
    kPdm[kEnable] = 0;
    kPdm[pin] = kDisconnected;
    kPdm[kEnable] = 1;
    kPdm[kStart] = 1;
    TRUE(comes(kPdm, kEnd, 1100));
    for (uint32_t i = 0; i < kSamples; ++i) EQUAL(first[i], 0);
    turn_off();
  }
}

}  // namespace

void check_pdm() {
  check_registers();
  check_time(kClock1280, kRatio80, kMono, 1000);
  check_time(kClock1032, kRatio64, kMono, 992);
  check_time(0x08000000, kRatio64, kMono, 1024);
  check_time(0x0A800000, kRatio80, kMono, 960);
  check_time(kClock1280, kRatio80, kStereo, 500);
  check_two_buffers();
  check_same_buffer();
  check_no_place();
  check_stop();
  check_interrupt();
  check_unconnected();
  listen(kMono, kNoGain, kNoGain);
  const bool silent = first[0] == 0 && first[1] == 0;
  print(silent ? "MICROPHONE silent\n" : "MICROPHONE heard\n");
  if (silent) return;
  check_sound();
  check_gains();
}

}  // namespace metal
