#include "bytefed/seal/handshake.h"

#include "bytefed/assert.h"

namespace bytefed {
namespace {

const char kProtocol[] = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2b";
const char kPrologue[] = "bytefed2";
const uint8_t kNonce[12] = {};  // each key seals one text

// HMAC (RFC 2104) with BLAKE2b, whose block has 128 bytes, under a key of kHashSize bytes.
void hmac(const uint8_t key[kHashSize], const uint8_t* data, size_t length, const uint8_t* more,
          size_t more_length, uint8_t digest[kHashSize]) {
  uint8_t block[128];
  std::memset(block, 0x36, sizeof block);
  for (size_t i = 0; i < kHashSize; ++i) block[i] ^= key[i];
  Blake2b(kHashSize).add(block, sizeof block).add(data, length).add(more, more_length).finish(digest);
  for (uint8_t& byte : block) byte ^= 0x36 ^ 0x5C;
  Blake2b(kHashSize).add(block, sizeof block).add(digest, kHashSize).finish(digest);
  wipe(block, sizeof block);
}

// Noise's HKDF: `count` outputs of kHashSize bytes, 2 or 3. The first may be the chaining key itself.
void hkdf(const uint8_t chaining_key[kHashSize], const uint8_t* material, size_t length, int count,
          uint8_t* const outputs[]) {
  uint8_t key[kHashSize], digest[kHashSize];
  hmac(chaining_key, material, length, nullptr, 0, key);
  for (int i = 0; i < count; ++i) {
    const uint8_t number = static_cast<uint8_t>(i + 1);
    hmac(key, digest, i == 0 ? 0 : kHashSize, &number, 1, digest);
    std::memcpy(outputs[i], digest, kHashSize);
  }
  wipe(key, sizeof key);
  wipe(digest, sizeof digest);
}

void mix_into_hash(uint8_t hash[kHashSize], const void* data, size_t length) {
  Blake2b(kHashSize).add(hash, kHashSize).add(data, length).finish(hash);
}

}  // namespace

void start_key_chain(const uint8_t key[kKeySize], KeyChain* chain) {
  std::memset(chain, 0, sizeof *chain);
  std::memcpy(chain->hash, kProtocol, sizeof kProtocol - 1);
  std::memcpy(chain->chaining_key, chain->hash, kHashSize);
  mix_into_hash(chain->hash, kPrologue, sizeof kPrologue - 1);
  uint8_t hashed[kHashSize], unused[kHashSize];  // the key that the token psk gives seals nothing
  uint8_t* const outputs[] = {chain->chaining_key, hashed, unused};
  hkdf(chain->chaining_key, key, kKeySize, 3, outputs);
  mix_into_hash(chain->hash, hashed, kHashSize);
  wipe(hashed, sizeof hashed);
  wipe(unused, sizeof unused);
}

NoiseState::~NoiseState() {
  wipe(&chain_, sizeof chain_);
  wipe(key_, sizeof key_);
}

void NoiseState::mix_hash(const uint8_t* data, size_t length) {
  mix_into_hash(chain_.hash, data, length);
}

void NoiseState::mix_point(const uint8_t point[kKeySize]) {
  mix_hash(point, kKeySize);
  mix_key(point, kKeySize);
}

void NoiseState::mix_key(const uint8_t* material, size_t length) {
  uint8_t key[kHashSize];
  uint8_t* const outputs[] = {chain_.chaining_key, key};
  hkdf(chain_.chaining_key, material, length, 2, outputs);
  std::memcpy(key_, key, kKeySize);
  wipe(key, sizeof key);
  fresh_ = true;
}

void NoiseState::encrypt(uint8_t* text, size_t length) {
  BYTEFED_ASSERT(fresh_);  // a second text under this key would have the same nonce
  fresh_ = false;
  aead_lock(key_, kNonce, chain_.hash, kHashSize, text, length, text + length);
  mix_hash(text, length + kAeadTagSize);
}

bool NoiseState::decrypt(uint8_t* text, size_t length) {
  uint8_t hash[kHashSize];
  Blake2b(kHashSize).add(chain_.hash, kHashSize).add(text, length + kAeadTagSize).finish(hash);
  if (!aead_unlock(key_, kNonce, chain_.hash, kHashSize, text, length, text + length)) return false;
  fresh_ = false;
  std::memcpy(chain_.hash, hash, kHashSize);
  return true;
}

void NoiseState::split(SessionKeys* keys) const {
  uint8_t down[kHashSize], up[kHashSize];
  uint8_t* const outputs[] = {down, up};
  hkdf(chain_.chaining_key, nullptr, 0, 2, outputs);
  std::memcpy(keys->down, down, kKeySize);
  std::memcpy(keys->up, up, kKeySize);
  wipe(down, sizeof down);
  wipe(up, sizeof up);
}

Initiator::Initiator(const KeyChain& chain, const uint8_t secret[kKeySize]) : state_(chain) {
  std::memcpy(secret_, secret, kKeySize);
}

void Initiator::write(const uint8_t* payload, size_t length, uint8_t* message) {
  x25519_public(secret_, message);
  state_.mix_point(message);
  if (length > 0) std::memcpy(message + kKeySize, payload, length);
  state_.encrypt(message + kKeySize, length);
}

bool Initiator::read(uint8_t* message, size_t length, SessionKeys* keys) {
  if (length < kHandshakeOverhead) return false;
  NoiseState state(state_);
  uint8_t shared[kKeySize];
  state.mix_point(message);
  bool good = x25519(secret_, message, shared);
  if (good) {
    state.mix_key(shared, kKeySize);
    good = state.decrypt(message + kKeySize, length - kHandshakeOverhead);
  }
  wipe(shared, sizeof shared);
  if (good) state.split(keys);
  return good;
}

bool Responder::read(uint8_t* message, size_t length) {
  if (length < kHandshakeOverhead) return false;
  std::memcpy(point_, message, kKeySize);
  state_.mix_point(point_);
  return state_.decrypt(message + kKeySize, length - kHandshakeOverhead);
}

bool Responder::write(const uint8_t secret[kKeySize], const uint8_t* payload, size_t length, uint8_t* message,
                      SessionKeys* keys) {
  uint8_t shared[kKeySize];
  const bool good = x25519(secret, point_, shared);
  if (good) {
    x25519_public(secret, message);
    if (length > 0) std::memcpy(message + kKeySize, payload, length);
    state_.mix_point(message);
    state_.mix_key(shared, kKeySize);
    state_.encrypt(message + kKeySize, length);
    state_.split(keys);
  }
  wipe(shared, sizeof shared);
  return good;
}

}  // namespace bytefed
