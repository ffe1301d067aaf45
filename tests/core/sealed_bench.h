// Boards on sealed links, and hosts that know their keys, or don't.
#pragma once
#include <deque>
#include <memory>
#include <random>

#include "bytefed/protocol/crc.h"
#include "bytefed/session/sealed_link.h"
#include "check.h"

namespace sealed_bench {

using namespace bytefed;
using check::Bytes;
using check::joined;

constexpr uint64_t kUid = 0x0123456789ABCDEFu;
constexpr size_t kParameters = 5 * 3 + 3;  // a blob of 72 bytes: two chunks in the smallest frames

template <typename M>
inline Bytes body_of(const M& message) {
  Bytes body(M::kSize);
  pack(message, body.data());
  return body;
}

inline Bytes control(Kind kind, uint8_t sequence, const Bytes& body = {}) {
  return joined({static_cast<uint8_t>(kind), sequence}, body);
}

// A link of a board, on which a host speaks to it.
struct Door {
  virtual ~Door() = default;
  // Hands over a frame, and lets the board work.
  virtual void give(const Bytes& frame) = 0;
  // The next frame that the board sent, empty for none.
  virtual Bytes take() = 0;

  std::mt19937 rng{9};
};

// A board with a key, on a link that keeps what it sends.
class LockedBoard : public Door {
 public:
  explicit LockedBoard(uint8_t frame_limit = 244)
      : wire{this, &LockedBoard::send, frame_limit, 4},
        session(memory_.view(), {kUid, 77, 0, 0, 0, {0.5f, -2}}, {this, &LockedBoard::millis, nullptr}),
        seal(session, wire, key, {this, &LockedBoard::random, &LockedBoard::millis}) {
    const uint8_t bytes[kKeySize] = {42};
    key.set(bytes);
  }

  void give(const Bytes& frame) override {
    seal.receive(frame.data(), frame.size(), frame.size());
    for (int i = 0; i < 10000 && session.poll(); ++i) {
    }
  }
  Bytes take() override {
    if (sent.empty()) return {};
    const Bytes frame = sent.front();
    sent.pop_front();
    return frame;
  }

  static bool send(void* context, const uint8_t* frame, size_t length) {
    LockedBoard* self = static_cast<LockedBoard*>(context);
    CHECK(length <= self->wire.frame_limit);
    if (self->refusals > 0 && self->refusals--) return false;
    self->sent.emplace_back(frame, frame + length);
    return true;
  }
  static uint32_t millis(void* context) { return static_cast<LockedBoard*>(context)->now; }
  static bool random(void* context, uint8_t* bytes, size_t length) {
    LockedBoard* self = static_cast<LockedBoard*>(context);
    for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(self->rng());
    return self->has_entropy;
  }

  BoardKey key;
  bool has_entropy = true;
  uint32_t now = 100000;
  int refusals = 0;
  std::deque<Bytes> sent;
  Link wire;

 private:
  StaticMemory<5, 3, 16, 8> memory_;

 public:
  Session session;
  SealedLink seal;
};

// A host's side of one session.
class Host {
 public:
  explicit Host(Door& board, uint8_t first_key_byte = 42) : board_(board) {
    uint8_t key[kKeySize] = {first_key_byte};
    start_key_chain(key, &chain_);
  }

  // Makes a GREET; the answer to it opens the session.
  Bytes greet(uint32_t run = 1, uint8_t limit = 244, uint8_t version = kProtocolVersion) {
    uint8_t secret[kKeySize];
    for (uint8_t& byte : secret) byte = static_cast<uint8_t>(board_.rng());
    handshake_.reset(new Initiator(chain_, secret));
    const Bytes payload = body_of(Greet{version, version, run, limit});
    Bytes message(payload.size() + kHandshakeOverhead);
    handshake_->write(payload.data(), payload.size(), message.data());
    return control(Kind::kGreet, ++sequence, message);
  }
  bool welcomed(const Bytes& frame) {
    if (frame.size() < kHeaderSize || frame[0] != static_cast<uint8_t>(Kind::kWelcomed)) return false;
    Bytes message(frame.begin() + kHeaderSize, frame.end());
    SessionKeys keys;
    if (!handshake_->read(message.data(), message.size(), &keys)) return false;
    payload.assign(message.begin() + kKeySize, message.end() - kAeadTagSize);
    unpack(payload.data(), payload.size(), &welcome);
    down_.derive(keys.down);
    up_.derive(keys.up);
    sealer_.restart();
    opener_.restart();
    blobs_.restart();
    return true;
  }
  bool connect(uint32_t run = 1, uint8_t limit = 244) {
    board_.give(greet(run, limit));
    return welcomed(board_.take());
  }

  Bytes seal(const Bytes& frame) {
    Bytes sealed(frame.size() + kFrameSealSize);
    sealer_.seal(frame.data(), frame.size(), sealed.data());
    return sealed;
  }
  Bytes open(Bytes sealed) {
    sealed.resize(opener_.open(sealed.data(), sealed.size()));
    return sealed;
  }
  // Asks, and returns what comes, opened.
  Bytes ask(uint8_t kind, const Bytes& body = {}) {
    board_.give(seal(joined({kind, ++sequence}, body)));
    return open(board_.take());
  }
  Bytes ask(Kind kind, const Bytes& body = {}) { return ask(static_cast<uint8_t>(kind), body); }
  Bytes seal_of(const Bytes& blob) {
    Bytes bytes(kBlobSealSize);
    pack_seal(blobs_.begin(blob.data(), blob.size()), bytes.data());
    return bytes;
  }
  Bytes chunk(uint16_t index, bool poll, Bytes data, size_t position) {
    blobs_.hide(position, data.data(), data.size());
    Bytes header(kHeaderSize);
    pack(DataHeader{static_cast<uint8_t>(sequence & 3), poll, index}, header.data());
    return joined(header, data);
  }
  // Sends a blob in chunks of the smallest frames; the last asks for an ACK.
  void push(const Bytes& blob) {
    constexpr size_t kChunk = 60;
    for (size_t at = 0; at < blob.size(); at += kChunk) {
      const size_t end = std::min(blob.size(), at + kChunk);
      board_.give(chunk(static_cast<uint16_t>(at / kChunk), end == blob.size(),
                        Bytes(blob.begin() + at, blob.begin() + end), at));
    }
  }
  Bytes show(const BlobSeal& seal, size_t position, const Bytes& chunk) {
    Bytes data(chunk.begin() + kHeaderSize, chunk.end());
    blob_xor(up_, seal.number, position, data.data(), data.size());
    return data;
  }
  bool is_blob(const BlobSeal& seal, const Bytes& blob) {
    return blob_is(up_, seal, blob.data(), blob.size());
  }

  uint8_t sequence = 7;
  Welcomed welcome = {};
  Bytes payload;

 private:
  Door& board_;
  KeyChain chain_;
  std::unique_ptr<Initiator> handshake_;
  DirectionKeys down_ = {}, up_ = {};
  FrameSealer sealer_{down_};
  FrameOpener opener_{up_};
  BlobSealer blobs_{down_};
};

}  // namespace sealed_bench
