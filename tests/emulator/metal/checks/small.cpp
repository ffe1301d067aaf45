// Product specification: "RNG - Random number generator", "TEMP - Temperature sensor", "ECB - AES electronic
// codebook mode encryption", "FICR - Factory information configuration registers".
#include "../check.h"
#include "../cpu.h"

namespace metal {

void check_rng() {
  constexpr uint32_t kStart = 0x000, kStop = 0x004, kReady = 0x100, kConfig = 0x504, kValue = 0x508;
  bool seen[256] = {};
  uint32_t kinds = 0, ones = 0;
  kRng[kConfig] = 1;
  kRng[kShorts] = 0;
  clear(kRng, kReady);
  kRng[kStart] = 1;
  for (uint32_t i = 0; i < 512; ++i) {
    if (!comes(kRng, kReady, 1000)) break;
    const uint32_t value = kRng[kValue];
    clear(kRng, kReady);
    if (value > 255) break;
    kinds += seen[value] ? 0 : 1;
    seen[value] = true;
    ones += static_cast<uint32_t>(__builtin_popcount(value));
  }
  BETWEEN(kinds, 190, 256);               // about 222 of 256 in 512 draws
  BETWEEN(ones, 2048 - 160, 2048 + 160);  // five standard deviations
  kRng[kStop] = 1;
  clear(kRng, kReady);
  TRUE(!comes(kRng, kReady, 1000));
  kRng[kShorts] = 1;  // VALRDY stops it
  kRng[kStart] = 1;
  TRUE(comes(kRng, kReady, 1000));
  clear(kRng, kReady);
  TRUE(!comes(kRng, kReady, 1000));
  kRng[kShorts] = 0;
}

void check_temp() {
  constexpr uint32_t kStart = 0x000, kStop = 0x004, kReady = 0x100, kTemperature = 0x508;
  clear(kTemp, kReady);
  const uint32_t start = cycles();
  kTemp[kStart] = 1;
  TRUE(comes(kTemp, kReady, 100));
  BETWEEN((cycles() - start) / 64, 30, 45);  // 36 us
  const int32_t quarters = static_cast<int32_t>(kTemp[kTemperature]);
  TRUE(quarters >= -40 * 4 && quarters <= 85 * 4);
  kTemp[kStop] = 1;
}

// FIPS 197, appendices B and C.1.
void check_ecb() {
  constexpr uint32_t kStart = 0x000, kEnd = 0x100, kError = 0x104, kDataPtr = 0x504;
  static const uint8_t vectors[2][48] = {
      {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c,
       0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d, 0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34,
       0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb, 0xdc, 0x11, 0x85, 0x97, 0x19, 0x6a, 0x0b, 0x32},
      {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
       0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
       0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30, 0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a}};
  static uint8_t data[48];
  for (const auto& vector : vectors) {
    for (uint32_t i = 0; i < 48; ++i) data[i] = i < 32 ? vector[i] : 0;
    clear(kEcb, kEnd);
    kEcb[kDataPtr] = reinterpret_cast<uint32_t>(data);
    kEcb[kStart] = 1;
    TRUE(comes(kEcb, kEnd, 50));
    EQUAL(kEcb[kError], 0);
    __asm volatile("" ::: "memory");
    for (uint32_t i = 0; i < 48; ++i) EQUAL(data[i], vector[i]);
  }
}

void check_ficr() {
  constexpr uint32_t kPageSize = 0x010, kPages = 0x014, kDeviceId = 0x060, kAddressType = 0x0A0,
                     kAddress = 0x0A4, kPart = 0x100, kRam = 0x10C, kFlash = 0x110;
  EQUAL(kFicr[kPageSize], 4096);
  EQUAL(kFicr[kPages], 256);
  EQUAL(kFicr[kPart], 0x52840);
  EQUAL(kFicr[kRam], 256);
  EQUAL(kFicr[kFlash], 1024);
  TRUE(kFicr[kDeviceId] != ~0u || kFicr[kDeviceId + 4] != ~0u);
  EQUAL(kFicr[kAddressType] & 1, 1);  // random
  TRUE(kFicr[kAddress] != ~0u);
  const uint32_t before = kFicr[kDeviceId];
  faults([] { kFicr[0x060] = 0; });  // whether it faults is the bus's matter
  EQUAL(kFicr[kDeviceId], before);
}

}  // namespace metal
