#include "bytefed/storage/key_store.h"

#include <cstring>

namespace bytefed {
namespace {

constexpr uint32_t kLayout = 0x3159454Bu;  // "KEY1"

}  // namespace

KeyStore::KeyStore(const BlockDevice& device)
    : part_{&record_, sizeof record_},
      fits_(device.pages > kPages),
      image_(device, rest(device).pages, kPages, kLayout, &part_, 1) {}

const uint8_t* KeyStore::load() {
  return fits_ && image_.load() ? record_.key : nullptr;
}

// Writes the key twice. The first image lies beside the key before, as long as nobody knows whether it will
// be whole; the second takes that one's place, so that damage to the first can't bring it back.
bool KeyStore::save(const uint8_t key[kKeySize]) {
  if (!fits_) return false;
  record_.copy = 0;
  std::memcpy(record_.key, key, kKeySize);
  if (!image_.write()) return false;
  record_.copy = 1;
  image_.write();  // the key is kept already
  return true;
}

}  // namespace bytefed
