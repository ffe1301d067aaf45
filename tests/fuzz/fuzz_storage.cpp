// An image in flash that anything may have happened to: what is loaded was saved once, or nothing is.
//
// The input says what is saved, at which write the power fails, and which bytes of the flash change
// afterwards.
#include <cstdlib>
#include <cstring>

#include "flash.h"
#include "input.h"

using namespace bytefed;

namespace {

constexpr uint32_t kPage = 64, kPages = 16, kSlots = 2;
constexpr size_t kFirst = 24, kSecond = 100, kLength = kFirst + kSecond;
constexpr int kSaves = 4;

void save(Image& image) {
  image.start();
  for (int steps = 0; image.step() == Image::Progress::kBusy; ++steps) {
    if (steps > 1000) abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Flash flash(kPage, kPages);
  uint8_t memory[kLength] = {}, saved[kSaves][kLength] = {};
  const Part parts[] = {{memory, kFirst}, {memory + kFirst, kSecond}};
  const BlockDevice device = flash.device();

  for (uint8_t(&image_saved)[kLength] : saved) {
    for (uint8_t& byte : memory) byte = static_cast<uint8_t>(byte * 31u + input.byte());
    std::memcpy(image_saved, memory, kLength);
    Image image(device, 1, kSlots, 7, parts, 2);
    image.load();
    std::memcpy(memory, image_saved, kLength);
    const uint8_t cut = input.byte();
    flash.writes_left = cut < 128 ? Flash::kForever : cut - 128u;
    save(image);
    flash.writes_left = Flash::kForever;
  }
  while (!input.empty()) {
    const uint32_t at = input.byte() | static_cast<uint32_t>(input.byte()) << 8;
    flash.bytes[at % flash.bytes.size()] ^= input.byte();
  }

  std::memset(memory, 0xA5, kLength);
  Image image(device, 1, kSlots, 7, parts, 2);
  const bool loaded = image.load();
  bool known = false;
  for (const auto& image_saved : saved) known = known || std::memcmp(memory, image_saved, kLength) == 0;
  if (loaded && !known) abort();
  for (const uint8_t byte : memory) {
    if (!loaded && byte != 0xA5) abort();
  }
  return 0;
}
