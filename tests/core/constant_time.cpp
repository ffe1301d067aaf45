// Handshake, sealed frames, sealed blobs and masks with all secrets marked undefined, under valgrind: it
// reports a branch or an index that depends on one. With the argument `branch` or `index` there is one, which
// it has to report.
#include <valgrind/memcheck.h>

#include <cstdio>
#include <cstring>

#include "bytefed/seal/blob_seal.h"
#include "bytefed/secure_sum/masks.h"
#include "bytefed/session/board_key.h"

using namespace bytefed;

namespace {

void hide(void* secret, size_t size) {
  static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(secret, size));
}
// A message that is sent is known to all.
void show(void* bytes, size_t size) {
  static_cast<void>(VALGRIND_MAKE_MEM_DEFINED(bytes, size));
}

struct Secrets {
  uint8_t key[kKeySize], host[kKeySize], board[kKeySize];
};

bool handshake(Secrets& secrets, SessionKeys* keys) {
  uint8_t message[7 + kHandshakeOverhead], answer[12 + kHandshakeOverhead], forged[sizeof message];
  KeyChain chain;
  start_key_chain(secrets.key, &chain);
  Initiator host(chain, secrets.host);
  host.write(reinterpret_cast<const uint8_t*>("payload"), 7, message);
  show(message, sizeof message);
  std::memcpy(forged, message, sizeof message);
  forged[40] ^= 1;
  Responder board(chain), other(chain);
  if (!board.read(message, sizeof message) || other.read(forged, sizeof forged)) return false;
  SessionKeys theirs;
  if (!board.write(secrets.board, reinterpret_cast<const uint8_t*>("twelve bytes"), 12, answer, &theirs)) {
    return false;
  }
  show(answer, sizeof answer);
  uint8_t changed[sizeof answer];
  std::memcpy(changed, answer, sizeof answer);
  changed[sizeof answer - 1] ^= 1;
  if (host.read(changed, sizeof changed, keys)) return false;
  return host.read(answer, sizeof answer, keys);
}

bool frames(const SessionKeys& session) {
  DirectionKeys keys;
  keys.derive(session.up);
  FrameSealer sealer(keys);
  FrameOpener opener(keys);
  uint8_t frame[100] = {1, 2, 3}, sealed[100 + kFrameSealSize];
  hide(frame + kHeaderSize, sizeof frame - kHeaderSize);
  for (int i = 0; i < 3; ++i) {
    const size_t length = sealer.seal(frame, sizeof frame, sealed);
    show(sealed, length);
    sealed[50] ^= 1;
    if (opener.open(sealed, length) != 0) return false;
    sealed[50] ^= 1;
    if (opener.open(sealed, length) != sizeof frame) return false;
  }
  return true;
}

bool blobs(const SessionKeys& session) {
  DirectionKeys keys;
  keys.derive(session.down);
  BlobSealer sealer(keys);
  uint8_t blob[300] = {};
  hide(blob, sizeof blob);
  BlobSeal seal = sealer.begin(blob, sizeof blob);
  show(&seal, sizeof seal);
  sealer.hide(10, blob + 10, 200);
  blob_xor(keys, seal.number, 10, blob + 10, 200);
  return blob_is(keys, seal, blob, sizeof blob);
}

// A neighbour's point, a blob that is hidden, and the keys that are told then.
bool masks(const Secrets& secrets) {
  Masks masks;
  masks.begin({1, 3, 6, 3}, secrets.board);
  show(const_cast<uint8_t*>(masks.point()), kKeySize);
  uint8_t points[2 * kKeySize];
  uint8_t other[kKeySize];
  std::memcpy(other, secrets.host, sizeof other);
  for (size_t i = 0; i < 2; ++i) {
    ++other[1];  // the first byte's low bits are no part of a secret
    x25519_public(other, points + i * kKeySize);
  }
  show(points, sizeof points);
  if (!masks.take(0, points, 2, 7)) return false;
  const float head[4] = {};
  masks.open(1, true, 1.0f, {}, {}, head, 4);
  const SumLayout layout = {2, 64, 11};
  uint8_t blob[8 + 88] = {}, keys[2 * kMaskKeySize];
  hide(blob, sizeof blob);
  masks.hide(1, secrets.host, layout, blob);
  const bool refused = masks.check(1) == Status::kTooFew;
  masks.tell(1, keys);
  return refused && masks.used() == 1;
}

// Another key in a session, then the same again, and one that is refused.
bool pairing(const Secrets& secrets) {
  static StaticMemory<4, 2, 4, 4> memory;
  Session session(memory.view(), {}, {nullptr, [](void*) { return uint32_t{0}; }, nullptr});
  BoardKey key;
  key.set(secrets.key);
  uint8_t body[Pair::kSize + kKeySize] = {};
  std::memcpy(body + Pair::kSize, secrets.host, kKeySize);
  const bool refused = key.take(session, body, sizeof body, false) == Status::kLocked;
  const bool taken = key.take(session, body, sizeof body, true) == Status::kOk;
  const bool again = key.take(session, body, sizeof body, false) == Status::kOk;
  uint32_t check = key.check();
  show(&check, sizeof check);
  return refused && taken && again && check != 0;
}

}  // namespace

int main(int count, char** arguments) {
  Secrets secrets = {{1}, {2}, {3}};
  hide(&secrets, sizeof secrets);
  const char* const leak = count > 1 ? arguments[1] : "";
  if (std::strcmp(leak, "branch") == 0 && std::memcmp(secrets.key, secrets.host, kKeySize) == 0) {
    std::puts("equal");
  }
  if (std::strcmp(leak, "index") == 0) {
    static const volatile uint8_t table[256] = {};
    static volatile uint8_t seen;
    seen = table[secrets.key[0]];  // stored: valgrind leaves out a load that nobody uses
    static_cast<void>(seen);
  }
  SessionKeys keys;
  if (handshake(secrets, &keys) && frames(keys) && blobs(keys) && masks(secrets) && pairing(secrets))
    return 0;
  std::puts("nothing was opened");
  return 2;
}
