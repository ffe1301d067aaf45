// A receiver of sealed frames, a responder and blobs, on bytes from somebody who knows the key: tags don't
// stop the fuzzer. What is opened is held against a plain model: each counter once, the nearest of its low
// byte, none that is 64 older than the highest.
#include <cstdlib>
#include <set>

#include "bytefed/seal/blob_seal.h"
#include "bytefed/seal/handshake.h"
#include "input.h"

using namespace bytefed;

namespace {

const uint8_t kKey[kKeySize] = {7};

void require(bool holds) {
  if (!holds) abort();
}

// Seals a frame under any counter, as SPEC 10.2 has it; nothing of FrameSealer is used.
size_t seal_at(const DirectionKeys& keys, uint64_t counter, const uint8_t* frame, size_t length,
               uint8_t* out) {
  const size_t body = length - kHeaderSize;
  std::memcpy(out, frame, kHeaderSize);
  out[kHeaderSize] = static_cast<uint8_t>(counter);
  std::memcpy(out + kHeaderSize + 1, frame + kHeaderSize, body);
  chacha20_xor(keys.frame, counter, 0, out + kHeaderSize + 1, body);
  uint8_t number[8];
  for (int i = 0; i < 8; ++i) number[i] = static_cast<uint8_t>(counter >> 8 * i);
  Blake2b(kSealTagSize, keys.frame_tag, kKeySize)
      .add(number, 8)
      .add(out, kHeaderSize)
      .add(out + kHeaderSize + 1, body)
      .finish(out + kHeaderSize + 1 + body);
  return length + kFrameSealSize;
}

class Model {
 public:
  bool takes(int64_t counter) {
    const int64_t ahead = counter - highest_;
    if (ahead < -128 || ahead > 127 || highest_ - counter >= 64 || !seen_.insert(counter).second)
      return false;
    if (counter > highest_) highest_ = counter;
    return true;
  }
  int64_t highest() const { return highest_; }

 private:
  int64_t highest_ = -1;
  std::set<int64_t> seen_;
};

void fuzz_frames(Input input) {
  DirectionKeys keys;
  keys.derive(kKey);
  FrameOpener opener(keys);
  Model model;
  while (!input.empty()) {
    const uint8_t step = input.byte(), size = input.byte(), damage = input.byte();
    const int64_t counter = model.highest() + static_cast<int8_t>(step) * (size & 1 ? 1 : 3);
    if (counter < 0) continue;
    uint8_t frame[kMaxFrame] = {}, wire[kMaxFrame];
    const size_t length = kHeaderSize + input.bytes(frame, kHeaderSize + size % 60);
    size_t sealed = seal_at(keys, static_cast<uint64_t>(counter), frame, length, wire);
    if (damage >= 200) {
      wire[damage % sealed] ^= static_cast<uint8_t>(1 + damage % 255);
      require(opener.open(wire, sealed) == 0);
    } else if (damage >= 190) {
      sealed = damage - 190u;
      require(opener.open(wire, sealed) == 0);
    } else {
      const bool taken = model.takes(counter);
      require(opener.open(wire, sealed) == (taken ? length : 0));
      if (taken) require(std::memcmp(wire, frame, length) == 0);
    }
  }
}

void fuzz_raw(Input input) {
  DirectionKeys keys;
  keys.derive(kKey);
  FrameOpener opener(keys);
  KeyChain chain;
  start_key_chain(kKey, &chain);
  uint8_t bytes[kMaxFrame];
  const size_t length = input.bytes(bytes, sizeof bytes);
  require(opener.open(bytes, length) == 0);
  require(!Responder(chain).read(bytes, length));
}

void fuzz_handshake(Input input) {
  KeyChain chain;
  start_key_chain(kKey, &chain);
  uint8_t secret[kKeySize] = {}, other[kKeySize] = {}, payload[100] = {}, message[200], answer[200];
  input.bytes(secret, sizeof secret);
  input.bytes(other, sizeof other);
  const uint8_t damage = input.byte();
  const size_t length = input.bytes(payload, input.byte() % sizeof payload);
  Initiator host(chain, secret);
  host.write(payload, length, message);
  const size_t size = length + kHandshakeOverhead;
  if (damage >= 128) message[damage % size] ^= 1;
  Responder board(chain);
  require(board.read(message, size) == (damage < 128));
  if (damage >= 128) return;
  require(std::memcmp(message + kKeySize, payload, length) == 0);
  SessionKeys ours, theirs;
  require(board.write(other, payload, length, answer, &ours));
  require(host.read(answer, size, &theirs));
  require(std::memcmp(&ours, &theirs, sizeof ours) == 0);
}

void fuzz_blob(Input input) {
  DirectionKeys keys;
  keys.derive(kKey);
  const uint16_t number = static_cast<uint16_t>(input.byte() << 8 | input.byte());
  const size_t chunk = 1u + input.byte();
  uint8_t blob[1024], hidden[1024];
  const size_t length = input.bytes(blob, sizeof blob);
  std::memcpy(hidden, blob, length);
  for (size_t at = 0; at < length; at += chunk) {
    blob_xor(keys, number, at, hidden + at, length - at < chunk ? length - at : chunk);
  }
  blob_xor(keys, number, 0, hidden, length);
  require(std::memcmp(hidden, blob, length) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  switch (input.byte() & 3u) {
    case 0: fuzz_frames(input); break;
    case 1: fuzz_raw(input); break;
    case 2: fuzz_handshake(input); break;
    default: fuzz_blob(input); break;
  }
  return 0;
}
