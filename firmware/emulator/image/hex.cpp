// Intel hex: lines of ":length address type data checksum".
#include <algorithm>

#include "image/image.h"

namespace emulator {
namespace {

constexpr uint8_t kData = 0;
constexpr uint8_t kEnd = 1;
constexpr uint8_t kSegmentBase = 2;
constexpr uint8_t kLinearBase = 4;

int digit(uint8_t character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  return -1;
}

// The bytes of one line without its colon and checksum; empty if the line is damaged.
std::vector<uint8_t> bytes_of(const uint8_t* line, size_t length) {
  std::vector<uint8_t> bytes;
  uint8_t sum = 0;
  for (size_t i = 0; i + 1 < length; i += 2) {
    const int high = digit(line[i]);
    const int low = digit(line[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes.push_back(static_cast<uint8_t>(high << 4 | low));
    sum = static_cast<uint8_t>(sum + bytes.back());
  }
  if (sum != 0 || bytes.size() < 5 || bytes.size() != bytes[0] + 5u) return {};
  bytes.pop_back();
  return bytes;
}

void append(std::vector<Segment>& segments, uint32_t address, const std::vector<uint8_t>& line) {
  const bool follows = !segments.empty() && segments.back().address + segments.back().bytes.size() == address;
  if (!follows) segments.push_back({address, {}});
  auto& bytes = segments.back().bytes;
  bytes.insert(bytes.end(), line.begin() + 4, line.end());
}

}  // namespace

Image read_hex(const std::string& path, const std::vector<uint8_t>& file) {
  Image image;
  image.path = path;
  uint32_t base = 0;
  bool ended = false;
  int number = 0;
  for (auto at = file.begin(); at != file.end() && !ended;) {
    auto end = std::find(at, file.end(), '\n');
    auto stop = end;
    while (stop != at && (stop[-1] == '\r' || stop[-1] == ' ')) --stop;
    ++number;
    if (stop != at) {
      const auto line =
          *at == ':' ? bytes_of(&*at + 1, static_cast<size_t>(stop - at - 1)) : std::vector<uint8_t>();
      if (line.empty()) {
        throw ImageError("the image " + path + " is damaged in line " + std::to_string(number) +
                         ": build it again");
      }
      const uint32_t address = static_cast<uint32_t>(line[1] << 8 | line[2]);
      if (line[3] == kData) append(image.segments, base + address, line);
      if (line[3] == kSegmentBase) base = static_cast<uint32_t>(line[4] << 8 | line[5]) << 4;
      if (line[3] == kLinearBase) base = static_cast<uint32_t>(line[4] << 8 | line[5]) << 16;
      ended = line[3] == kEnd;
    }
    at = end == file.end() ? end : end + 1;
  }
  if (!ended)
    throw ImageError("the image " + path + " has no end: it is only a part of the file, build it again");
  std::sort(image.segments.begin(), image.segments.end(),
            [](const Segment& a, const Segment& b) { return a.address < b.address; });
  return image;
}

}  // namespace emulator
