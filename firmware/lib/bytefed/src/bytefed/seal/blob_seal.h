// Sealed blobs, one direction: each is one message, whatever chunks it travels in. Its bytes are hidden where
// they stand, so any chunk can be made again in any order; its tag is over the blob itself, and travels in
// the sealed message that opens the transfer.
#pragma once
#include "bytefed/seal/frame_seal.h"

namespace bytefed {

// A blob's place in its session and direction, and its proof.
struct BlobSeal {
  uint16_t number;
  uint8_t tag[kSealTagSize];
};

constexpr size_t kBlobSealSize = 2 + kSealTagSize;

// Writes the seal's kBlobSealSize bytes; returns where they end.
inline uint8_t* pack_seal(const BlobSeal& seal, uint8_t* bytes) {
  bytes[0] = static_cast<uint8_t>(seal.number);
  bytes[1] = static_cast<uint8_t>(seal.number >> 8);
  std::memcpy(bytes + 2, seal.tag, kSealTagSize);
  return bytes + kBlobSealSize;
}

inline BlobSeal unpack_seal(const uint8_t* bytes) {
  BlobSeal seal;
  seal.number = static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
  std::memcpy(seal.tag, bytes + 2, kSealTagSize);
  return seal;
}

// Hides or shows bytes of blob `number` that begin at `position`, in place.
void blob_xor(const DirectionKeys& keys, uint16_t number, size_t position, uint8_t* data, size_t length);

void blob_tag(const DirectionKeys& keys, uint16_t number, const void* blob, size_t length,
              uint8_t tag[kSealTagSize]);
bool blob_is(const DirectionKeys& keys, const BlobSeal& seal, const void* blob, size_t length);

// Numbers the blobs that one end sends.
class BlobSealer {
 public:
  explicit BlobSealer(const DirectionKeys& keys) : keys_(keys) {}
  // Begins anew, under keys that have just been made.
  void restart() { seal_ = {}; }
  BlobSealer(const BlobSealer&) = delete;  // two would give one number to two blobs
  BlobSealer& operator=(const BlobSealer&) = delete;

  // Whether a session has numbers left: it has 65,535, and one more needs a new session.
  bool exhausted() const { return seal_.number == 0xFFFF; }
  // Takes the next number for a blob, and keeps its seal. !exhausted().
  const BlobSeal& begin(const void* blob, size_t length);
  const BlobSeal& seal() const { return seal_; }
  // Hides a chunk of that blob. `chunk` is a copy of its bytes.
  void hide(size_t position, uint8_t* chunk, size_t length) const {
    blob_xor(keys_, seal_.number, position, chunk, length);
  }

 private:
  const DirectionKeys& keys_;
  BlobSeal seal_ = {};  // number 0: none yet
};

}  // namespace bytefed
