// The chip's memories: 1 MiB of flash, 256 KiB of RAM, the factory's and the user's information pages.
// nRF52840 Product Specification, "Memory".
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace emulator {

constexpr uint32_t kFlashSize = 0x100000;
constexpr uint32_t kPageSize = 0x1000;
constexpr uint32_t kRamBase = 0x20000000;
constexpr uint32_t kRamSize = 0x40000;
constexpr uint32_t kFicrBase = 0x10000000;
constexpr uint32_t kUicrBase = 0x10001000;
constexpr uint32_t kRomBase = 0xF0000000;  // the chip's revision, read by Nordic's own workarounds

class Memory {
 public:
  // Flash and UICR live in the file at `state_path` if it is not empty, so that they survive the emulator,
  // however it ends.
  explicit Memory(const std::string& state_path);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  uint8_t* flash() { return flash_; }
  uint8_t* ram() { return ram_; }
  uint8_t* ficr() { return ficr_; }
  uint8_t* uicr() { return uicr_; }
  uint8_t* rom() { return rom_; }
  bool is_new() const { return new_; }  // there was no state: all of flash is erased

  // The bytes at an address of RAM or flash, as EasyDMA and exception entry reach them; null unless all of
  // them are there.
  uint8_t* bytes(uint32_t address, uint32_t size);
  // The same for RAM alone: what EasyDMA may write, and read (it can't read flash).
  uint8_t* ram_bytes(uint32_t address, uint32_t size);
  uint32_t word(uint32_t address);  // 0 where no memory is

  // Fills RAM with noise, as it is after power was lost.
  void forget_ram(uint64_t seed);
  // A word of RAM as that noise left it.
  uint32_t first_word(uint32_t address) const;

 private:
  uint8_t* flash_;
  uint8_t* ram_;
  uint8_t* ficr_;
  uint8_t* uicr_;
  uint8_t* rom_;
  bool new_ = true;
  std::vector<uint8_t> first_ram_;
};

}  // namespace emulator
