// Keeps the board's key in the last two pages of flash, apart from what it protects: whatever becomes of
// samples and rounds, of other firmware or another model, the key stays.
#pragma once
#include "bytefed/seal/primitives.h"
#include "bytefed/storage/storage.h"

namespace bytefed {

class KeyStore {
 public:
  explicit KeyStore(const BlockDevice& device);
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;
  ~KeyStore() { wipe(&record_, sizeof record_); }

  // The pages before the key's, which are for the keeper.
  static BlockDevice rest(const BlockDevice& device) { return device.without_last(kPages); }

  // Returns the key that was kept last; null for none.
  const uint8_t* load();
  // Keeps a key before it returns. False if the flash fails: then the key before is still kept.
  bool save(const uint8_t key[kKeySize]);

 private:
  static constexpr uint32_t kPages = 2;  // one a slot

  // The copy's number makes both images differ, so that both are written.
  struct Record {
    uint8_t key[kKeySize];
    uint32_t copy;
  };

  Record record_ = {};
  Part part_;
  bool fits_;
  Image image_;
};

}  // namespace bytefed
