// The data that the factory wrote: the chip's identity, sizes, trims that software reads.
// nRF52840 Product Specification, "FICR - Factory information configuration registers".
#include <cstring>

#include "chip/chip.h"
#include "peripherals/fit.h"

namespace emulator {
namespace {

struct Word {
  uint32_t offset;
  uint32_t value;
};

constexpr Word kFactory[] = {
    {0x010, 4096},        // CODEPAGESIZE
    {0x014, 256},         // CODESIZE in pages
    {0x0A0, 0xFFFFFFFF},  // DEVICEADDRTYPE: random
    {0x0A8, 0x0000C0DE},  // DEVICEADDR[1]
    {0x100, 0x00052840},  // INFO.PART
    {0x104, 0x41414430},  // INFO.VARIANT: AAD0
    {0x108, 0x00002004},  // INFO.PACKAGE
    {0x10C, 256},         // INFO.RAM in KiB
    {0x110, 1024},        // INFO.FLASH in KiB
    {0x130, 8},           // by these two, Nordic's start-up code knows the chip for which errata apply
    {0x134, 3},          {0x404, 0x00000320},  // TEMP.A0
    {0x408, 0x00000343},                       // TEMP.A1
};

void put(uint8_t* page, uint32_t offset, uint32_t value) {
  memcpy(page + offset, &value, 4);
}

}  // namespace

void fill_ficr(Chip& chip) {
  uint8_t* page = chip.memory.ficr();
  memset(page, 0xFF, kPageSize);
  for (const Word& word : kFactory) put(page, word.offset, word.value);
  const uint64_t uid = chip.settings().uid;
  const auto low = static_cast<uint32_t>(uid);
  const auto high = static_cast<uint32_t>(uid >> 32);
  put(page, 0x060, low);  // DEVICEID
  put(page, 0x064, high);
  put(page, 0x0A4, low ^ 0x5A5A5A5A);  // DEVICEADDR[0]: unlike the neighbour's
  for (uint32_t i = 0; i < 4; ++i) {
    put(page, 0x080 + 4 * i, low * (2 * i + 3));   // ER, the root of encryption keys
    put(page, 0x090 + 4 * i, high * (2 * i + 3));  // IR, the root of identities
  }
  // The revision, which lies outside of the FICR.
  uint8_t* rom = chip.memory.rom();
  rom[0xFE0] = 0x08;
  rom[0xFE8] = 0x50;
}

}  // namespace emulator
