#include "board/flashing.h"

#include <cstdio>
#include <cstring>

namespace emulator {
namespace {

// An Arduino core for Bluefruit boards, with Nordic's S140, puts an application behind the SoftDevice, whose
// size is in its information structure, which begins 0x2000 behind the MBR.
constexpr uint32_t kAfterS140Version6 = 0x26000;
constexpr uint32_t kAfterS140Version7 = 0x27000;
constexpr uint32_t kSoftDeviceEnd = 0x3008;
constexpr uint32_t kBootloaderSettings = 0xFF000;
constexpr uint32_t kValidApplication[4] = {
    1, 0, 0, 0};  // and no checksum that the bootloader would have to find right

std::string hex(uint32_t value) {
  char text[12];
  snprintf(text, sizeof text, "0x%05X", value);
  return text;
}

bool needs_bootloader(const Image& image) {
  return image.start() == kAfterS140Version6 || image.start() == kAfterS140Version7;
}

uint32_t word_of(const Image& image, uint32_t address) {
  for (const Segment& segment : image.segments) {
    const uint32_t offset = address - segment.address;
    if (address >= segment.address && offset + 4 <= segment.bytes.size()) {
      uint32_t word;
      memcpy(&word, segment.bytes.data() + offset, 4);
      return word;
    }
  }
  return 0;
}

void check_segments(const Image& image) {
  if (image.segments.empty()) throw ImageError("the image " + image.path + " is empty");
  for (const Segment& segment : image.segments) {
    const auto end = segment.address + static_cast<uint64_t>(segment.bytes.size());
    const bool in_uicr = segment.address >= kUicrBase && end <= kUicrBase + kPageSize;
    if (end > kFlashSize && !in_uicr) {
      throw ImageError("the image " + image.path + " is for another chip: it has bytes at " +
                       hex(segment.address) +
                       ", and the nRF52840 has its 1 MiB of flash at 0. Build it for an nRF52840 board");
    }
  }
}

void check_vectors(const Image& image) {
  const uint32_t stack = word_of(image, image.start());
  const uint32_t entry = word_of(image, image.start() + 4);
  if (stack <= kRamBase || stack > kRamBase + kRamSize) {
    throw ImageError(
        "the image " + image.path + " is for another chip: its stack is at " + hex(stack) +
        ", and the nRF52840 has its 256 KiB of RAM at 0x20000000. Build it for an nRF52840 board");
  }
  if (!(entry & 1) || entry >= kFlashSize) {
    throw ImageError("the image " + image.path + " does not begin with a vector table (its entry would be " +
                     hex(entry) + "): give the firmware that a build of PlatformIO left");
  }
}

void check_soft_device(const Image& image, const Image& bootloader) {
  const uint32_t end = word_of(bootloader, kSoftDeviceEnd);
  if (end == image.start()) return;
  throw ImageError(
      "the image " + image.path + " starts at " + hex(image.start()) + ", but the SoftDevice in " +
      bootloader.path + (end ? " ends at " + hex(end) : " is missing") +
      ": take the bootloader of the core that the image was built with (S140 6 ends at 0x26000, S140 7 "
      "at 0x27000)");
}

void write_segments(Memory& memory, const Image& image) {
  for (const Segment& segment : image.segments) {
    const bool in_flash = segment.address < kFlashSize;
    uint8_t* place =
        in_flash ? memory.flash() + segment.address : memory.uicr() + (segment.address - kUicrBase);
    memcpy(place, segment.bytes.data(), segment.bytes.size());
  }
}

}  // namespace

void check_image(const Image& image, const std::optional<Image>& bootloader) {
  check_segments(image);
  check_vectors(image);
  if (!needs_bootloader(image)) return;
  if (!bootloader) {
    throw ImageError("the image " + image.path +
                     " needs a SoftDevice: give --bootloader with the hex file of MBR, "
                     "SoftDevice and bootloader that comes with the board's core");
  }
  check_segments(*bootloader);
  check_soft_device(image, *bootloader);
  if (image.symbols.empty()) {
    throw ImageError("the image " + image.path +
                     " has no symbols, by which the functions of the CryptoCell are found: "
                     "give the firmware's ELF, not stripped");
  }
}

uint32_t vector_table_of(const Image& image, const std::optional<Image>& bootloader) {
  return bootloader ? 0 : image.start();
}

void write_image(Memory& memory, const Image& image, const std::optional<Image>& bootloader) {
  write_segments(memory, image);
  if (!bootloader) return;
  write_segments(memory, *bootloader);
  uint8_t* settings = memory.flash() + kBootloaderSettings;
  if (settings[0] == 0xFF) memcpy(settings, kValidApplication, sizeof kValidApplication);
}

}  // namespace emulator
