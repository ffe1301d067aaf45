// Sealed links of the core, and the cryptography under them, so that the host speaks what boards speak.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>

#include <cstring>
#include <optional>
#include <stdexcept>
#include <vector>

#include "bindings.h"
#include "bytefed/seal/blob_seal.h"
#include "bytefed/seal/handshake.h"

namespace nb = nanobind;
using namespace bytefed;

namespace {

const uint8_t* data_of(const nb::bytes& bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.c_str());
}

nb::bytes bytes_of(const std::vector<uint8_t>& bytes) {
  return nb::bytes(bytes.data(), bytes.size());
}

std::vector<uint8_t> copy_of(const nb::bytes& bytes) {
  return std::vector<uint8_t>(data_of(bytes), data_of(bytes) + bytes.size());
}

const uint8_t* key_of(const nb::bytes& bytes) {
  if (bytes.size() != kKeySize) throw std::invalid_argument("keys, secrets and points have 32 bytes");
  return data_of(bytes);
}

KeyChain chain_of(const nb::bytes& key) {
  KeyChain chain;
  start_key_chain(key_of(key), &chain);
  return chain;
}

DirectionKeys derived(const nb::bytes& key) {
  DirectionKeys keys;
  keys.derive(key_of(key));
  return keys;
}

nb::object payload_of(const std::vector<uint8_t>& message) {
  return nb::bytes(message.data() + kKeySize, message.size() - kHandshakeOverhead);
}

std::pair<nb::bytes, nb::bytes> pair_of(const SessionKeys& keys) {
  return {nb::bytes(keys.down, kKeySize), nb::bytes(keys.up, kKeySize)};
}

class HostHandshake {
 public:
  HostHandshake(const nb::bytes& key, const nb::bytes& secret) : initiator_(chain_of(key), key_of(secret)) {}

  nb::bytes write(const nb::bytes& payload) {
    if (written_) throw std::invalid_argument("a handshake is written once");
    written_ = true;
    std::vector<uint8_t> message(payload.size() + kHandshakeOverhead);
    initiator_.write(data_of(payload), payload.size(), message.data());
    return bytes_of(message);
  }

  nb::object read(const nb::bytes& message) {
    std::vector<uint8_t> bytes = copy_of(message);
    if (!written_ || !initiator_.read(bytes.data(), bytes.size(), &keys_)) return nb::none();
    return payload_of(bytes);
  }

  std::pair<nb::bytes, nb::bytes> keys() const { return pair_of(keys_); }

 private:
  Initiator initiator_;
  SessionKeys keys_ = {};
  bool written_ = false;
};

class BoardHandshake {
 public:
  explicit BoardHandshake(const nb::bytes& key) : responder_(chain_of(key)) {}

  nb::object read(const nb::bytes& message) {
    std::vector<uint8_t> bytes = copy_of(message);
    if (spent_) throw std::invalid_argument("a handshake is read once");
    spent_ = true;
    good_ = responder_.read(bytes.data(), bytes.size());
    return good_ ? payload_of(bytes) : nb::none();
  }

  nb::object write(const nb::bytes& payload, const nb::bytes& secret) {
    if (!good_) throw std::invalid_argument("nothing to answer");
    good_ = false;
    std::vector<uint8_t> message(payload.size() + kHandshakeOverhead);
    if (!responder_.write(key_of(secret), data_of(payload), payload.size(), message.data(), &keys_)) {
      return nb::none();
    }
    return bytes_of(message);
  }

  std::pair<nb::bytes, nb::bytes> keys() const { return pair_of(keys_); }

 private:
  Responder responder_;
  SessionKeys keys_ = {};
  bool spent_ = false, good_ = false;
};

// One direction, at the end that sends.
class SealSender {
 public:
  explicit SealSender(const nb::bytes& key) : keys_(derived(key)), frames_(keys_), blobs_(keys_) {}
  ~SealSender() { wipe(&keys_, sizeof keys_); }

  nb::bytes seal(const nb::bytes& frame) {
    if (frame.size() < kHeaderSize || frame.size() + kFrameSealSize > kMaxFrame) {
      throw std::invalid_argument("a frame to be sealed has 2 to 241 bytes");
    }
    uint8_t sealed[kMaxFrame];
    return nb::bytes(sealed, frames_.seal(data_of(frame), frame.size(), sealed));
  }

  std::pair<int, nb::bytes> begin_blob(const nb::bytes& blob) {
    if (blobs_.exhausted()) throw std::overflow_error("a session has 65,535 blobs in each direction");
    const BlobSeal& seal = blobs_.begin(blob.c_str(), blob.size());
    return {seal.number, nb::bytes(seal.tag, kSealTagSize)};
  }

  nb::bytes hide(size_t position, const nb::bytes& chunk) const {
    std::vector<uint8_t> bytes = copy_of(chunk);
    blobs_.hide(position, bytes.data(), bytes.size());
    return bytes_of(bytes);
  }

 private:
  DirectionKeys keys_;
  FrameSealer frames_;
  BlobSealer blobs_;
};

// One direction, at the end that receives.
class SealReceiver {
 public:
  explicit SealReceiver(const nb::bytes& key) : keys_(derived(key)), frames_(keys_) {}
  ~SealReceiver() { wipe(&keys_, sizeof keys_); }

  nb::object open(const nb::bytes& sealed) {
    if (sealed.size() > kMaxFrame) return nb::none();
    std::vector<uint8_t> bytes = copy_of(sealed);
    const size_t length = frames_.open(bytes.data(), bytes.size());
    if (length == 0) return nb::none();
    return nb::bytes(bytes.data(), length);
  }

  nb::bytes show(uint16_t number, size_t position, const nb::bytes& chunk) const {
    std::vector<uint8_t> bytes = copy_of(chunk);
    blob_xor(keys_, number, position, bytes.data(), bytes.size());
    return bytes_of(bytes);
  }

  bool is_blob(uint16_t number, const nb::bytes& tag, const nb::bytes& blob) const {
    if (tag.size() != kSealTagSize) return false;
    BlobSeal seal = {number, {}};
    std::memcpy(seal.tag, tag.c_str(), kSealTagSize);
    return blob_is(keys_, seal, blob.c_str(), blob.size());
  }

 private:
  DirectionKeys keys_;
  FrameOpener frames_;
};

nb::bytes keyed_blake2b(const nb::bytes& data, const nb::bytes& key, size_t digest_size) {
  if (digest_size < 1 || digest_size > kHashSize || key.size() > 64) {
    throw std::invalid_argument("digests have 1 to 64 bytes, keys at most 64");
  }
  uint8_t digest[kHashSize];
  Blake2b(digest_size, data_of(key), key.size()).add(data.c_str(), data.size()).finish(digest);
  return nb::bytes(digest, digest_size);
}

nb::object shared_point(const nb::bytes& secret, const nb::bytes& point) {
  uint8_t shared[kKeySize];
  if (!x25519(key_of(secret), key_of(point), shared)) return nb::none();
  return nb::bytes(shared, sizeof shared);
}

nb::bytes chacha20(const nb::bytes& key, uint64_t nonce, uint64_t block, const nb::bytes& data) {
  std::vector<uint8_t> bytes = copy_of(data);
  chacha20_xor(key_of(key), nonce, block, bytes.data(), bytes.size());
  return bytes_of(bytes);
}

nb::bytes lock(const nb::bytes& key, const nb::bytes& nonce, const nb::bytes& associated,
               const nb::bytes& text) {
  std::vector<uint8_t> bytes = copy_of(text);
  if (nonce.size() != 12) throw std::invalid_argument("nonces have 12 bytes");
  bytes.resize(text.size() + kAeadTagSize);
  aead_lock(key_of(key), data_of(nonce), data_of(associated), associated.size(), bytes.data(), text.size(),
            bytes.data() + text.size());
  return bytes_of(bytes);
}

void bind_primitives(nb::module_& module) {
  module.def("blake2b", &keyed_blake2b, nb::arg("data"), nb::arg("key"), nb::arg("digest_size"));
  module.def("x25519", &shared_point, nb::arg("secret"), nb::arg("point"),
             nb::sig("def x25519(secret: bytes, point: bytes) -> bytes | None"),
             "The shared secret; None for a point of low order.");
  module.def("chacha20", &chacha20, nb::arg("key"), nb::arg("nonce"), nb::arg("block"), nb::arg("data"),
             "data XOR the keystream from that block of 64 bytes on.");
  module.def("aead_lock", &lock, nb::arg("key"), nb::arg("nonce"), nb::arg("associated"), nb::arg("text"),
             "ChaCha20-Poly1305: hidden text and tag.");
}

}  // namespace

void bind_seal(nb::module_& module) {
  bind_primitives(module);
  nb::class_<HostHandshake>(module, "HostHandshake")
      .def(nb::init<const nb::bytes&, const nb::bytes&>(), nb::arg("key"), nb::arg("secret"))
      .def("write", &HostHandshake::write, nb::arg("payload"), "The first message.")
      .def("read", &HostHandshake::read, nb::arg("message"),
           nb::sig("def read(self, message: bytes) -> bytes | None"),
           "The answer's payload; None if it is from somebody else.")
      .def_prop_ro("keys", &HostHandshake::keys, "Keys of the directions down and up, once read.");
  nb::class_<BoardHandshake>(module, "BoardHandshake")
      .def(nb::init<const nb::bytes&>(), nb::arg("key"))
      .def("read", &BoardHandshake::read, nb::arg("message"),
           nb::sig("def read(self, message: bytes) -> bytes | None"),
           "The first message's payload; None if it is from somebody without the key.")
      .def("write", &BoardHandshake::write, nb::arg("payload"), nb::arg("secret"),
           nb::sig("def write(self, payload: bytes, secret: bytes) -> bytes | None"),
           "The answer; None if the other side's point is of low order.")
      .def_prop_ro("keys", &BoardHandshake::keys, "Keys of the directions down and up, once written.");
  nb::class_<SealSender>(module, "SealSender")
      .def(nb::init<const nb::bytes&>(), nb::arg("key"))
      .def("seal", &SealSender::seal, nb::arg("frame"), "The sealed frame, nine bytes longer.")
      .def("begin_blob", &SealSender::begin_blob, nb::arg("blob"),
           nb::sig("def begin_blob(self, blob: bytes) -> tuple[int, bytes]"), "The blob's number and tag.")
      .def("hide", &SealSender::hide, nb::arg("position"), nb::arg("chunk"),
           "Bytes of the blob begun last, as they travel.");
  nb::class_<SealReceiver>(module, "SealReceiver")
      .def(nb::init<const nb::bytes&>(), nb::arg("key"))
      .def("open", &SealReceiver::open, nb::arg("sealed"),
           nb::sig("def open(self, sealed: bytes) -> bytes | None"),
           "The frame; None for all that the other end did not seal, or that was opened before.")
      .def("show", &SealReceiver::show, nb::arg("number"), nb::arg("position"), nb::arg("chunk"),
           "Bytes of a blob as they are.")
      .def("is_blob", &SealReceiver::is_blob, nb::arg("number"), nb::arg("tag"), nb::arg("blob"));
}
