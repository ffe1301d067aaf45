#include "bytefed/session/board_key.h"

namespace bytefed {

BoardKey::~BoardKey() {
  wipe(key_, sizeof key_);
  wipe(&chain_, sizeof chain_);
}

void BoardKey::set(const uint8_t key[kKeySize]) {
  std::memcpy(key_, key, kKeySize);
  start_key_chain(key_, &chain_);
  held_ = true;
  ++changes_;
}

uint32_t BoardKey::check() const {
  uint8_t digest[8];
  Blake2b(sizeof digest, key_, kKeySize).add("bytefed key", 11).finish(digest);
  return static_cast<uint32_t>(digest[0]) | static_cast<uint32_t>(digest[1]) << 8 |
         static_cast<uint32_t>(digest[2]) << 16 | static_cast<uint32_t>(digest[3]) << 24;
}

Status BoardKey::take(Session& session, const uint8_t* body, size_t length, bool sealed) {
  static const uint8_t zero[kKeySize] = {};
  Pair pair;
  if (!unpack(body, length, &pair) || length < Pair::kSize + kKeySize) return Status::kBadLength;
  const uint8_t* const key = body + Pair::kSize;
  if ((pair.flags & ~Pair::kErase) != 0 || equal_keys(key, zero)) return Status::kBadValue;
  const bool erases = (pair.flags & Pair::kErase) != 0;
  const bool same = held_ && equal_keys(key, key_);
  if (!sealed && same) return Status::kOk;
  if (!sealed && held_ && !erases) return Status::kLocked;
  if (erases) {  // before the new key: a power cut in between leaves nothing that it opens
    session.forget();
    if (port_.erase != nullptr && !port_.erase(port_.context)) return Status::kStorageFailed;
  }
  if (same) return Status::kOk;
  if (port_.keep != nullptr && !port_.keep(port_.context, key)) return Status::kStorageFailed;
  if (!sealed) session.closed(session.link());
  set(key);
  return Status::kOk;
}

}  // namespace bytefed
