#include "bytefed/seal/keys.h"

namespace bytefed {

void DirectionKeys::derive(const uint8_t key[kKeySize]) {
  uint8_t stream[4 * kKeySize] = {};
  chacha20_xor(key, 0, 0, stream, sizeof stream);
  std::memcpy(frame, stream, kKeySize);
  std::memcpy(frame_tag, stream + kKeySize, kKeySize);
  std::memcpy(blob, stream + 2 * kKeySize, kKeySize);
  std::memcpy(blob_tag, stream + 3 * kKeySize, kKeySize);
  wipe(stream, sizeof stream);
}

}  // namespace bytefed
