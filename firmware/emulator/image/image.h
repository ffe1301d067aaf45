// An image for the board as a build left it: an ELF with symbols, or Intel hex.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "image/symbols.h"

namespace emulator {

// The file is not an image that this chip can run; what() says why and what helps.
class ImageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Segment {
  uint32_t address;
  std::vector<uint8_t> bytes;
};

struct Image {
  std::string path;
  std::vector<Segment> segments;  // by address, none touches the next
  Symbols symbols;                // empty for hex

  // Reads a file of either kind. Raises ImageError.
  static Image read(const std::string& path);
  // The lowest address in flash: where an application's vector table stands.
  uint32_t start() const;
};

Image read_elf(const std::string& path, const std::vector<uint8_t>& file);
Image read_hex(const std::string& path, const std::vector<uint8_t>& file);

}  // namespace emulator
