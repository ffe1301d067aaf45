#include "bytefed/seal/blob_seal.h"

#include "bytefed/assert.h"

namespace bytefed {

void blob_xor(const DirectionKeys& keys, uint16_t number, size_t position, uint8_t* data, size_t length) {
  const size_t skip = position % kChaChaBlock;
  size_t head = 0;
  if (skip != 0) {  // the rest of a block that began before
    uint8_t block[kChaChaBlock] = {};
    chacha20_xor(keys.blob, number, position / kChaChaBlock, block, sizeof block);
    for (; head < length && skip + head < kChaChaBlock; ++head) data[head] ^= block[skip + head];
    wipe(block, sizeof block);
  }
  chacha20_xor(keys.blob, number, (position + head) / kChaChaBlock, data + head, length - head);
}

void blob_tag(const DirectionKeys& keys, uint16_t number, const void* blob, size_t length,
              uint8_t tag[kSealTagSize]) {
  const uint8_t bytes[2] = {static_cast<uint8_t>(number), static_cast<uint8_t>(number >> 8)};
  Blake2b(kSealTagSize, keys.blob_tag, kKeySize).add(bytes, sizeof bytes).add(blob, length).finish(tag);
}

bool blob_is(const DirectionKeys& keys, const BlobSeal& seal, const void* blob, size_t length) {
  uint8_t tag[kSealTagSize];
  blob_tag(keys, seal.number, blob, length, tag);
  return equal_secrets(tag, seal.tag, kSealTagSize);
}

const BlobSeal& BlobSealer::begin(const void* blob, size_t length) {
  BYTEFED_ASSERT(!exhausted());
  ++seal_.number;
  blob_tag(keys_, seal_.number, blob, length, seal_.tag);
  return seal_;
}

}  // namespace bytefed
