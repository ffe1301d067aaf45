// The handshake of a sealed session: Noise_NNpsk0_25519_ChaChaPoly_BLAKE2b with the prologue "bytefed2"
// (Perrin 2018), one message each way. The host is the initiator, the board the responder; what both own
// beforehand is the board's key.
#pragma once
#include "bytefed/seal/primitives.h"

namespace bytefed {

// Bytes that a message has more than its payload: the sender's point and a tag.
constexpr size_t kHandshakeOverhead = kKeySize + kAeadTagSize;

// Noise's state up to and with the key. It is the same for every handshake under that key, so a board makes
// it once: a stranger's message then costs half.
struct KeyChain {
  uint8_t chaining_key[kHashSize];
  uint8_t hash[kHashSize];
};
void start_key_chain(const uint8_t key[kKeySize], KeyChain* chain);

// The end of a handshake: one key a direction. Both ends have the same.
struct SessionKeys {
  uint8_t down[kKeySize];  // host to board
  uint8_t up[kKeySize];
};

// Noise's symmetric state.
class NoiseState {
 public:
  explicit NoiseState(const KeyChain& chain) : chain_(chain) {}
  NoiseState(const NoiseState&) = default;
  NoiseState& operator=(const NoiseState&) = delete;
  ~NoiseState();

  // Takes a point that is sent in the clear: hash, and new key, as a pattern with a psk asks for.
  void mix_point(const uint8_t point[kKeySize]);
  void mix_key(const uint8_t* material, size_t length);
  // In place; the tag stands behind the text. The key is used for this one message.
  void encrypt(uint8_t* text, size_t length);
  bool decrypt(uint8_t* text, size_t length);  // false: nothing is changed
  void split(SessionKeys* keys) const;

 private:
  void mix_hash(const uint8_t* data, size_t length);

  KeyChain chain_;
  uint8_t key_[kKeySize] = {};
  bool fresh_ = false;  // the key has sealed nothing yet
};

class Initiator {
 public:
  // `secret` are 32 bytes that nobody can guess, new ones for each handshake.
  Initiator(const KeyChain& chain, const uint8_t secret[kKeySize]);
  ~Initiator() { wipe(secret_, sizeof secret_); }

  // Writes length + kHandshakeOverhead bytes. Once.
  void write(const uint8_t* payload, size_t length, uint8_t* message);
  // Takes the answer, and leaves its payload at message + kKeySize. False: it is not from who has the key, or
  // not to this message; another answer may still come.
  bool read(uint8_t* message, size_t length, SessionKeys* keys);

 private:
  NoiseState state_;
  uint8_t secret_[kKeySize];
};

class Responder {
 public:
  explicit Responder(const KeyChain& chain) : state_(chain) {}

  // Takes the first message, and leaves its payload at message + kKeySize. False: it is from somebody without
  // the key; the responder is of no more use.
  bool read(uint8_t* message, size_t length);
  // Writes the answer, length + kHandshakeOverhead bytes, after read(). False: the initiator's point is of
  // low order.
  bool write(const uint8_t secret[kKeySize], const uint8_t* payload, size_t length, uint8_t* message,
             SessionKeys* keys);

 private:
  NoiseState state_;
  uint8_t point_[kKeySize] = {};  // the initiator's
};

}  // namespace bytefed
