// Sealed links: the vectors, every bit of a frame, windows and counters, and what two ends make of each
// other.
#include <random>

#include "bytefed/seal/blob_seal.h"
#include "bytefed/seal/handshake.h"
#include "vectors.h"

using namespace bytefed;
using check::Bytes;

namespace {

Bytes field(const std::string& hex) {
  return hex == "-" ? Bytes() : vectors::bytes(hex);
}

Bytes random_bytes(std::mt19937& rng, size_t length) {
  Bytes bytes(length);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng());
  return bytes;
}

// One direction: what is sealed at one end is opened at the other.
struct Direction {
  explicit Direction(const Bytes& key) : sealer(keys), opener(keys), blobs(keys) { keys.derive(key.data()); }

  Bytes seal(const Bytes& frame) {
    Bytes sealed(frame.size() + kFrameSealSize);
    CHECK_EQUAL(sealer.seal(frame.data(), frame.size(), sealed.data()), sealed.size());
    return sealed;
  }
  Bytes open(Bytes sealed) {
    sealed.resize(opener.open(sealed.data(), sealed.size()));
    return sealed;
  }

  DirectionKeys keys = {};
  FrameSealer sealer;
  FrameOpener opener;
  BlobSealer blobs;
};

struct Handshake {
  Bytes first, second;
  SessionKeys host = {}, board = {};
};

// Runs one; `good` says whether both ends came through.
bool shake(const Bytes& key, const Bytes& host_secret, const Bytes& ask, const Bytes& board_secret,
           const Bytes& answer, Handshake* out) {
  KeyChain chain;
  start_key_chain(key.data(), &chain);
  Initiator host(chain, host_secret.data());
  Responder board(chain);
  out->first.resize(ask.size() + kHandshakeOverhead);
  host.write(ask.data(), ask.size(), out->first.data());
  out->second.resize(answer.size() + kHandshakeOverhead);
  Bytes message = out->first;
  if (!board.read(message.data(), message.size())) return false;
  CHECK_EQUAL(Bytes(message.begin() + kKeySize, message.end() - kAeadTagSize), ask);
  if (!board.write(board_secret.data(), answer.data(), answer.size(), out->second.data(), &out->board)) {
    return false;
  }
  message = out->second;
  if (!host.read(message.data(), message.size(), &out->host)) return false;
  CHECK_EQUAL(Bytes(message.begin() + kKeySize, message.end() - kAeadTagSize), answer);
  return true;
}

}  // namespace

TEST(seal_handshake_vectors) {
  for (const auto& fields : vectors::read("seal_handshakes.txt")) {
    Handshake made;
    CHECK(shake(field(fields[0]), field(fields[1]), field(fields[2]), field(fields[3]), field(fields[4]),
                &made));
    CHECK_EQUAL(made.first, field(fields[5]));
    CHECK_EQUAL(made.second, field(fields[6]));
    for (const SessionKeys& keys : {made.host, made.board}) {
      CHECK_EQUAL(Bytes(keys.down, keys.down + kKeySize), field(fields[7]));
      CHECK_EQUAL(Bytes(keys.up, keys.up + kKeySize), field(fields[8]));
    }
  }
}

TEST(seal_frame_vectors) {
  const auto lines = vectors::read("seal_frames.txt");
  Direction direction(field(lines[0][0]));
  for (const auto& fields : lines) {
    const Bytes frame = field(fields[1]), sealed = field(fields[2]);
    CHECK_EQUAL(direction.seal(frame), sealed);
    CHECK_EQUAL(direction.open(sealed), frame);
  }
}

TEST(seal_blob_vectors_in_chunks_of_any_size) {
  const auto lines = vectors::read("seal_blobs.txt");
  Direction direction(field(lines[0][0]));
  uint16_t number = 0;
  for (const auto& fields : lines) {
    const Bytes blob = field(fields[1]), hidden = field(fields[3]);
    const BlobSeal& seal = direction.blobs.begin(blob.data(), blob.size());
    CHECK_EQUAL(seal.number, ++number);
    CHECK_EQUAL(Bytes(seal.tag, seal.tag + kSealTagSize), field(fields[2]));
    for (const size_t chunk : {1u, 18u, 63u, 64u, 65u, 248u, 4000u}) {
      Bytes travelled;
      for (size_t at = 0; at < blob.size(); at += chunk) {
        Bytes piece(blob.begin() + at, blob.begin() + std::min(blob.size(), at + chunk));
        direction.blobs.hide(at, piece.data(), piece.size());
        travelled = check::joined(travelled, piece);
      }
      CHECK_EQUAL(travelled, hidden);
    }
    Bytes shown = hidden;
    blob_xor(direction.keys, number, 0, shown.data(), shown.size());
    CHECK(blob_is(direction.keys, seal, shown.data(), shown.size()));
    shown[shown.size() / 2] ^= 1;
    CHECK(!blob_is(direction.keys, seal, shown.data(), shown.size()));
    CHECK(!blob_is(direction.keys, seal, blob.data(), blob.size() - 1));
  }
}

TEST(seal_handshake_refuses_another_key_and_every_changed_bit) {
  std::mt19937 rng(1);
  const Bytes key = random_bytes(rng, 32), host = random_bytes(rng, 32), board = random_bytes(rng, 32);
  const Bytes ask = random_bytes(rng, 7), answer = random_bytes(rng, 12);
  Handshake made;
  CHECK(shake(key, host, ask, board, answer, &made));
  KeyChain chain, other;
  start_key_chain(key.data(), &chain);
  start_key_chain(random_bytes(rng, 32).data(), &other);
  for (size_t bit = 0; bit < 8 * made.first.size(); ++bit) {
    Bytes broken = made.first;
    broken[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    CHECK(!Responder(chain).read(broken.data(), broken.size()));
  }
  for (size_t length = 0; length < made.first.size(); ++length) {
    Bytes cut(made.first.begin(), made.first.begin() + length);
    CHECK(!Responder(chain).read(cut.data(), cut.size()));
  }
  Bytes message = made.first;
  CHECK(!Responder(other).read(message.data(), message.size()));

  Initiator initiator(chain, host.data());
  Bytes again(made.first.size());
  initiator.write(ask.data(), ask.size(), again.data());
  CHECK_EQUAL(again, made.first);
  SessionKeys keys;
  for (size_t byte = 0; byte < made.second.size(); ++byte) {
    Bytes broken = made.second;
    broken[byte] ^=
        static_cast<uint8_t>(1u << byte % 7);  // the point's top bit is not part of it, and is hashed
    CHECK(!initiator.read(broken.data(), broken.size(), &keys));
  }
  message = made.second;
  CHECK(initiator.read(message.data(), message.size(), &keys));  // forgeries before it did no harm
  CHECK_EQUAL(Bytes(keys.up, keys.up + kKeySize), Bytes(made.board.up, made.board.up + kKeySize));
}

TEST(seal_points_of_low_order_are_refused) {
  std::mt19937 rng(2);
  const Bytes secret = random_bytes(rng, 32);
  // All points of order 1, 2, 4 and 8, in every encoding below 2^255 (RFC 7748, section 7).
  const char* const points[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  };
  const Bytes key = random_bytes(rng, 32);
  KeyChain chain;
  start_key_chain(key.data(), &chain);
  for (const char* hex : points) {
    const Bytes point = field(hex);
    uint8_t shared[kKeySize];
    CHECK(!x25519(secret.data(), point.data(), shared));
    // Somebody who has the key sends such a point as the first message.
    NoiseState state(chain);
    Bytes message(kHandshakeOverhead);
    std::copy(point.begin(), point.end(), message.begin());
    state.mix_point(point.data());
    state.encrypt(message.data() + kKeySize, 0);
    Responder board(chain);
    CHECK(board.read(message.data(), message.size()));
    SessionKeys keys;
    CHECK(!board.write(secret.data(), nullptr, 0, message.data(), &keys));
  }
}

TEST(seal_every_changed_bit_and_every_other_place_is_refused) {
  std::mt19937 rng(3);
  const Bytes key = random_bytes(rng, 32);
  for (const size_t length : {2u, 3u, 65u, 241u}) {
    Direction direction(key);
    const Bytes frame = random_bytes(rng, length), sealed = direction.seal(frame);
    for (size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
      Bytes broken = sealed;
      broken[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
      CHECK_EQUAL(direction.open(broken).size(), 0u);
    }
    for (size_t cut = 0; cut < sealed.size(); ++cut) {
      CHECK_EQUAL(direction.open(Bytes(sealed.begin(), sealed.begin() + cut)).size(), 0u);
    }
    Direction other(random_bytes(rng, 32));
    CHECK_EQUAL(other.open(sealed).size(), 0u);
    CHECK_EQUAL(direction.open(sealed), frame);
    CHECK_EQUAL(direction.open(sealed).size(), 0u);  // again
  }
}

TEST(seal_window_takes_each_of_the_last_64_once) {
  std::mt19937 rng(4);
  Direction direction(random_bytes(rng, 32));
  std::vector<Bytes> frames, sealed;
  for (int i = 0; i < 300; ++i) {
    frames.push_back(random_bytes(rng, 5));
    sealed.push_back(direction.seal(frames.back()));
  }
  CHECK_EQUAL(direction.open(sealed[127]).size(), 0u);  // 127 frames were lost before the first
  CHECK_EQUAL(direction.open(sealed[126]), frames[126]);
  CHECK_EQUAL(direction.open(sealed[126 - 64]).size(), 0u);
  for (int i = 126 - 63; i < 126; ++i) CHECK_EQUAL(direction.open(sealed[i]), frames[i]);
  for (int i = 0; i <= 126; ++i) CHECK_EQUAL(direction.open(sealed[i]).size(), 0u);
  CHECK_EQUAL(direction.open(sealed[126 + 128]).size(), 0u);
  CHECK_EQUAL(direction.open(sealed[126 + 127]), frames[126 + 127]);
  CHECK_EQUAL(direction.open(sealed[126]).size(), 0u);
  CHECK_EQUAL(direction.open(sealed[252]), frames[252]);
}

TEST(seal_a_frame_taken_back_leaves_its_counter_to_the_next) {
  std::mt19937 rng(5);
  Direction direction(random_bytes(rng, 32));
  const Bytes frame = random_bytes(rng, 9);
  const Bytes once = direction.seal(frame);
  direction.sealer.take_back();
  CHECK_EQUAL(direction.seal(frame), once);
  CHECK_EQUAL(direction.open(once), frame);
  CHECK_EQUAL(direction.open(direction.seal(frame)), frame);
}
