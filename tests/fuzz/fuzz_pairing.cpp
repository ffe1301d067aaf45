// A board with a cable and a radio, and hosts that know four keys, one of them of zeros: PAIR in the clear and
// sealed, handshakes, sealed requests and noise, on flash that fails, through losses of power. The board's key
// is held against the rules of SPEC 10.5.
#include <cstdlib>
#include <cstring>
#include <memory>

#include "bytefed/protocol/header.h"
#include "bytefed/session/sealed_link.h"
#include "bytefed/storage/keeper.h"
#include "bytefed/storage/key_store.h"
#include "flash.h"
#include "input.h"

using namespace bytefed;

namespace {

void require(bool holds) {
  if (!holds) abort();
}

struct HostKey {
  explicit HostKey(uint8_t number) { bytes[0] = number & 3u; }
  uint8_t bytes[kKeySize] = {};
};

// One link of the board, and the host at its other end.
struct Line {
  Line(Session& session, BoardKey& key, bool cable)
      : link{this, &Line::send, kMaxFrame, 4, nullptr, nullptr, cable},
        seal(session, link, key, {this, &Line::random, &Line::millis}) {}

  void give(const uint8_t* frame, size_t length, bool checked = true) {
    // A copy of just that size, so that reading beyond it is found.
    uint8_t* copy = static_cast<uint8_t*>(std::malloc(length + 1));
    std::memcpy(copy, frame, length);
    heard_length = 0;
    seal.receive(copy, length, checked ? length : 0);
    std::free(copy);
  }
  void greet(uint8_t number) {
    KeyChain chain;
    start_key_chain(HostKey(number).bytes, &chain);
    uint8_t secret[kKeySize] = {9, ++drawn}, frame[kHeaderSize + Greet::kSize + kHandshakeOverhead];
    Initiator host(chain, secret);
    uint8_t payload[Greet::kSize];
    pack(Greet{kProtocolVersion, kProtocolVersion, 1, kMaxFrame}, payload);
    pack_control_header(Kind::kGreet, 1, frame);
    host.write(payload, sizeof payload, frame + kHeaderSize);
    give(frame, sizeof frame);
    SessionKeys keys;
    if (heard_length < kHeaderSize || heard[0] != static_cast<uint8_t>(Kind::kWelcomed)) return;
    if (!host.read(heard + kHeaderSize, heard_length - kHeaderSize, &keys)) return;
    down.derive(keys.down);
    sealer.restart();
  }
  void give_sealed(const uint8_t* frame, size_t length) {
    uint8_t sealed[kMaxFrame];
    if (length < kHeaderSize || length + kFrameSealSize > kMaxFrame || is_data(frame)) return;
    give(sealed, sealer.seal(frame, length, sealed), !link.cable);  // by cable it has no checksum
  }

  static bool send(void* context, const uint8_t* frame, size_t length) {
    Line* self = static_cast<Line*>(context);
    require(length >= kHeaderSize && length <= kMaxFrame);
    std::memcpy(self->heard, frame, length);
    self->heard_length = length;
    return true;
  }
  static uint32_t millis(void* context) { return static_cast<Line*>(context)->now += 700; }
  static bool random(void* context, uint8_t* bytes, size_t length) {
    for (size_t i = 0; i < length; ++i) bytes[i] = ++static_cast<Line*>(context)->drawn;
    return true;
  }

  Link link;
  SealedLink seal;
  DirectionKeys down = {};
  FrameSealer sealer{down};
  uint8_t heard[kMaxFrame] = {}, drawn = 0;
  size_t heard_length = 0;
  uint32_t now = 0;
};

struct Device {
  explicit Device(Flash& flash)
      : session(memory.view(), {1, 2, 0, 0, 0, {0.5f, 0}}, {nullptr, &Device::millis, nullptr}),
        keeper(KeyStore::rest(flash.device()), session, memory.view(), 3),
        key_store(flash.device()),
        key({this, &Device::erase, &Device::keep}),
        cable(session, key, true),
        radio(session, key, false) {
    keeper.load();
    const uint8_t* const kept = key_store.load();
    if (kept != nullptr) key.set(kept);
  }
  static uint32_t millis(void*) { return 0; }
  static bool erase(void* context) { return static_cast<Device*>(context)->keeper.erase(); }
  static bool keep(void* context, const uint8_t* bytes) {
    return static_cast<Device*>(context)->key_store.save(bytes);
  }
  // Which of the hosts' keys the board has; -1 for none.
  int number() const {
    for (uint8_t i = 0; i < 4 && key.held(); ++i) {
      BoardKey same;
      same.set(HostKey(i).bytes);
      if (same.check() == key.check()) return i;
    }
    require(!key.held());
    return -1;
  }
  uint16_t samples() const { return session.store().count(Split::kTrain); }

  StaticMemory<5, 3, 12, 4> memory = {};
  Session session;
  Keeper keeper;
  KeyStore key_store;
  BoardKey key;
  Line cable, radio;
};

void pair(Device& board, Input& input) {
  const uint8_t how = input.byte(), flags = input.byte() % 3;
  const HostKey key(how);
  Line& line = (how & 0x80u) != 0 ? board.radio : board.cable;
  const bool sealed = (how & 0x40u) != 0;
  uint8_t frame[kHeaderSize + Pair::kSize + kKeySize];
  pack_control_header(Kind::kPair, how, frame);
  frame[kHeaderSize] = flags;
  std::memcpy(frame + kHeaderSize + 1, key.bytes, kKeySize);
  const size_t length = sizeof frame - (how >> 2 & 7u) / 7u;
  const int before = board.number(), asked = how & 3;
  const uint16_t samples = board.samples();
  sealed ? line.give_sealed(frame, length) : line.give(frame, length);
  const int after = board.number();
  const bool erases = flags == Pair::kErase, by_cable = &line == &board.cable;
  if (after == before && (!by_cable || flags > 1 || !erases)) require(board.samples() == samples);
  if (after == before) return;
  require(by_cable && after == asked && asked != 0 && flags <= 1 && length == sizeof frame);
  require(sealed || before < 0 || erases);
  if (erases) require(board.samples() == 0 && !board.session.holds_delta());
}

// Samples that somebody may be after, kept if the flash can.
void learn(Device& board) {
  if (!board.session.at_rest()) return;
  require(board.session.restore(SamplesRecord{3, 1, {0.5f, 0}, false, {}}));
  board.keeper.save();
}

void other_frame(Device& board, Input& input) {
  uint8_t frame[kMaxFrame];
  const uint8_t how = input.byte();
  const size_t length = input.bytes(frame, how & 63u);
  Line& line = (how & 0x80u) != 0 ? board.radio : board.cable;
  // PAIR has its own step, which knows what has to become of it.
  if (length > 0 && frame[0] == static_cast<uint8_t>(Kind::kPair)) return;
  const int before = board.number();
  (how & 0x40u) != 0 ? line.give_sealed(frame, length) : line.give(frame, length);
  require(board.number() == before);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Flash flash(64, 60);
  std::unique_ptr<Device> board(new Device(flash));
  for (int steps = 0; !input.empty() && steps < 64; ++steps) {
    switch (input.byte() % 8) {
      case 0:
      case 1: pair(*board, input); break;
      case 2: {
        const uint8_t how = input.byte();
        ((how & 0x80u) != 0 ? board->radio : board->cable).greet(how);
        break;
      }
      case 3: learn(*board); break;
      case 4: other_frame(*board, input); break;
      case 5: flash.writes_left = input.byte(); break;
      case 6: {
        const int before = board->number();
        flash.writes_left = Flash::kForever;
        board.reset(new Device(flash));
        require(board->number() == before);
        break;
      }
      default: ((input.byte() & 1u) != 0 ? board->radio : board->cable).seal.close(); break;
    }
    for (int slices = 0; slices < 1000 && board->session.poll(); ++slices) {
    }
  }
  return 0;
}
