// The cryptography that sealed links stand on (SPEC 10), from Monocypher: no other file includes it.
#pragma once
#include <monocypher.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef BYTEFED_CONSTANT_TIME  // tests/core/constant_time.cpp
#include <valgrind/memcheck.h>
#define BYTEFED_TELL(verdict) static_cast<void>(VALGRIND_MAKE_MEM_DEFINED(&(verdict), sizeof(verdict)))
#else
#define BYTEFED_TELL(verdict) static_cast<void>(0)
#endif

namespace bytefed {

constexpr size_t kKeySize = 32;
constexpr size_t kHashSize = 64;     // BLAKE2b's
constexpr size_t kAeadTagSize = 16;  // of ChaCha20-Poly1305
constexpr size_t kChaChaBlock = 64;

// Fills memory with zeros in a way that compilers don't leave out.
inline void wipe(void* secret, size_t size) {
  crypto_wipe(secret, size);
}

// Whether two values of up to 16 bytes are equal; the time tells nothing about where they differ.
inline bool equal_secrets(const uint8_t* a, const uint8_t* b, size_t size) {
  uint8_t left[16] = {}, right[16] = {};
  std::memcpy(left, a, size);
  std::memcpy(right, b, size);
  const int different = crypto_verify16(left, right);
  BYTEFED_TELL(different);  // the verdict is no secret, what it is about is one
  return different == 0;
}

inline bool equal_keys(const uint8_t a[kKeySize], const uint8_t b[kKeySize]) {
  const int different = crypto_verify32(a, b);
  BYTEFED_TELL(different);
  return different == 0;
}

// BLAKE2b (RFC 7693) over several pieces, with a key of up to 64 bytes or none, to a digest of 1 to 64 bytes.
class Blake2b {
 public:
  explicit Blake2b(size_t digest_size, const uint8_t* key = nullptr, size_t key_size = 0) {
    crypto_blake2b_keyed_init(&context_, digest_size, key, key_size);
  }
  Blake2b(const Blake2b&) = delete;
  Blake2b& operator=(const Blake2b&) = delete;

  Blake2b& add(const void* data, size_t length) {
    crypto_blake2b_update(&context_, static_cast<const uint8_t*>(data), length);
    return *this;
  }
  // Wipes the state, too. Once.
  void finish(uint8_t* digest) { crypto_blake2b_final(&context_, digest); }

 private:
  crypto_blake2b_ctx context_;
};

// ChaCha20 with a 64-bit nonce and a 64-bit block counter (Bernstein 2008): data ^= keystream.
inline void chacha20_xor(const uint8_t key[kKeySize], uint64_t nonce, uint64_t block, uint8_t* data,
                         size_t length) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(nonce >> 8 * i);
  crypto_chacha20_djb(data, data, length, key, bytes, block);
}

// ChaCha20-Poly1305 (RFC 8439), in place.
inline void aead_lock(const uint8_t key[kKeySize], const uint8_t nonce[12], const uint8_t* associated,
                      size_t associated_size, uint8_t* text, size_t length, uint8_t tag[kAeadTagSize]) {
  crypto_aead_ctx context;
  crypto_aead_init_ietf(&context, key, nonce);
  crypto_aead_write(&context, text, tag, associated, associated_size, text, length);
  wipe(&context, sizeof context);
}

// Returns false, and leaves the text as it was, if the tag is not that of this text.
inline bool aead_unlock(const uint8_t key[kKeySize], const uint8_t nonce[12], const uint8_t* associated,
                        size_t associated_size, uint8_t* text, size_t length,
                        const uint8_t tag[kAeadTagSize]) {
  crypto_aead_ctx context;
  crypto_aead_init_ietf(&context, key, nonce);
  const int wrong = crypto_aead_read(&context, text, tag, associated, associated_size, text, length);
  wipe(&context, sizeof context);
  BYTEFED_TELL(wrong);
  return wrong == 0;
}

// X25519 (RFC 7748). The secret is any 32 random bytes.
inline void x25519_public(const uint8_t secret[kKeySize], uint8_t point[kKeySize]) {
  crypto_x25519_public_key(point, secret);
}

// Returns false if the other side's point is one of the low order, with which every secret gives zero.
inline bool x25519(const uint8_t secret[kKeySize], const uint8_t point[kKeySize], uint8_t shared[kKeySize]) {
  static const uint8_t zero[kKeySize] = {};
  crypto_x25519(shared, secret, point);
  return !equal_keys(shared, zero);
}

}  // namespace bytefed
