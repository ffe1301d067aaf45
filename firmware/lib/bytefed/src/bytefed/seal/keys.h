// The four keys of one direction of a session, made from the one that the handshake gives it.
#pragma once
#include "bytefed/seal/primitives.h"

namespace bytefed {

struct DirectionKeys {
  uint8_t frame[kKeySize];      // hides bodies of frames
  uint8_t frame_tag[kKeySize];  // proves frames
  uint8_t blob[kKeySize];       // hides blobs
  uint8_t blob_tag[kKeySize];   // proves blobs

  // 128 bytes of ChaCha20's keystream under `key`, which is used for nothing else.
  void derive(const uint8_t key[kKeySize]);
};

}  // namespace bytefed
