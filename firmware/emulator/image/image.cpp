#include "image/image.h"

#include <cstring>
#include <fstream>
#include <iterator>

namespace emulator {

Image Image::read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw ImageError("the image " + path + " can't be read");
  const std::vector<uint8_t> file((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (file.size() >= 4 && memcmp(file.data(), "\177ELF", 4) == 0) return read_elf(path, file);
  if (!file.empty() && file[0] == ':') return read_hex(path, file);
  throw ImageError("the image " + path + " is neither an ELF file nor Intel hex");
}

uint32_t Image::start() const {
  return segments.empty() ? 0 : segments.front().address;
}

}  // namespace emulator
