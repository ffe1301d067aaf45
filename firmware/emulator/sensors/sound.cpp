#include "sensors/sound.h"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

namespace emulator {
namespace {

constexpr size_t kMostBytes = 200'000'000;
constexpr uint32_t kLowestRate = 4'000, kHighestRate = 192'000;
constexpr size_t kHeader = 8;  // of a chunk: its name and its size

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw std::runtime_error("the recording " + path + ": " + what);
}

uint32_t number(std::string_view bytes, size_t at, size_t size) {
  uint32_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

std::string load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(path, "it can't be read");
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() > kMostBytes) refuse(path, "it has more than 200 MB");
  if (bytes.size() < 12 || bytes.compare(0, 4, "RIFF") != 0 || bytes.compare(8, 4, "WAVE") != 0)
    refuse(path, "it is no WAV file");
  return bytes;
}

// The content of a chunk; empty if there is none of this name. One that ends behind the file ends with it.
std::string_view chunk(std::string_view file, std::string_view name) {
  for (size_t at = 12; at + kHeader <= file.size();) {
    const size_t size = number(file, at + 4, 4);
    if (file.substr(at, 4) == name) return file.substr(at + kHeader, size);
    at += kHeader + size + size % 2;
  }
  return {};
}

}  // namespace

Sound Sound::read(const std::string& path) {
  const std::string file = load(path);
  const std::string_view format = chunk(file, "fmt "), data = chunk(file, "data");
  if (format.size() < 16 || number(format, 0, 2) != 1 || number(format, 2, 2) != 1 ||
      number(format, 14, 2) != 16)
    refuse(path, "one channel of whole numbers of 16 bits is wanted: sox IN.wav -b 16 -c 1 OUT.wav");
  Sound sound;
  sound.hertz_ = number(format, 4, 4);
  if (sound.hertz_ < kLowestRate || sound.hertz_ > kHighestRate)
    refuse(path, "a rate from 4000 to 192000 samples a second is wanted");
  for (size_t i = 0; i + 1 < data.size(); i += 2)
    sound.samples_.push_back(static_cast<int16_t>(number(data, i, 2)));
  if (sound.samples_.empty()) refuse(path, "there are no samples");
  return sound;
}

int16_t Sound::at(Cycles time) const {
  const Cycles seconds = time / kCyclesPerSecond, rest = time % kCyclesPerSecond;
  const Cycles index = seconds * hertz_ + rest * hertz_ / kCyclesPerSecond;
  return index < samples_.size() ? samples_[index] : int16_t{0};
}

}  // namespace emulator
