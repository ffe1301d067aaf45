// An image in flash that anything may have happened to: what is loaded was saved once, or nothing is.
//
// The input says what is saved, at which write the power fails, and which bytes of the flash change
// afterwards.
#include <cstdlib>
#include <cstring>

#include "bytefed/storage.h"

using namespace bytefed;

namespace {

constexpr uint32_t kPage = 64, kPages = 16, kSlots = 2;
constexpr size_t kFirst = 24, kSecond = 100, kLength = kFirst + kSecond;
constexpr int kSaves = 4;

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

struct Flash {
  uint8_t bytes[kPage * kPages];
  uint32_t writes_left = 0xFFFFFFFFu;

  void check(uint32_t address, size_t length) const {
    if (address % 4 != 0 || length % 4 != 0 || address + length > sizeof bytes) abort();
  }
  bool power() { return writes_left != 0 && writes_left-- != 0; }

  static bool read(void* context, uint32_t address, void* data, size_t length) {
    const Flash* flash = static_cast<Flash*>(context);
    flash->check(address, length);
    std::memcpy(data, flash->bytes + address, length);
    return true;
  }
  static bool program(void* context, uint32_t address, const void* data, size_t length) {
    Flash* flash = static_cast<Flash*>(context);
    flash->check(address, length);
    if (!flash->power()) return false;
    std::memcpy(flash->bytes + address, data, length);
    return true;
  }
  static bool erase(void* context, uint32_t address) {
    Flash* flash = static_cast<Flash*>(context);
    flash->check(address, kPage);
    if (!flash->power()) return false;
    std::memset(flash->bytes + address, 0xFF, kPage);
    return true;
  }
};

void save(Image& image) {
  image.start();
  for (int steps = 0; image.step() == Image::Progress::kBusy; ++steps) {
    if (steps > 1000) abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Flash flash;
  std::memset(flash.bytes, 0xFF, sizeof flash.bytes);
  uint8_t memory[kLength] = {}, saved[kSaves][kLength] = {};
  const Part parts[] = {{memory, kFirst}, {memory + kFirst, kSecond}};
  const BlockDevice device = {&flash, kPage, kPages, &Flash::read, &Flash::program, &Flash::erase};

  for (uint8_t(&image_saved)[kLength] : saved) {
    for (uint8_t& byte : memory) byte = static_cast<uint8_t>(byte * 31u + input.byte());
    std::memcpy(image_saved, memory, kLength);
    Image image(device, 1, kSlots, 7, parts, 2);
    image.load();
    std::memcpy(memory, image_saved, kLength);
    const uint8_t cut = input.byte();
    flash.writes_left = cut < 128 ? 0xFFFFFFFFu : cut - 128u;
    save(image);
    flash.writes_left = 0xFFFFFFFFu;
  }
  while (!input.empty()) {
    const uint32_t at = input.byte() | static_cast<uint32_t>(input.byte()) << 8;
    flash.bytes[at % sizeof flash.bytes] ^= input.byte();
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
