// One whole round against the real session and serial link, with the board's instructions counted
// phase by phase. The host's side is the minimum that gets a board through a round on a loss-free link.
#pragma once
#include <cstring>

#include "bytefed/codec/codec.h"
#include "bytefed/protocol/crc.h"
#include "bytefed/session/serial_link.h"
#include "console.h"
#include "stopwatch.h"

struct RoundCost {
  uint64_t downlink = 0;  // BEGIN and the head's chunks: framing, checksums, taking the head over
  uint64_t training = 0;  // the SGD steps, as the session takes them
  uint64_t delta = 0;     // local - global, the check for NaN, its CRC-32
  uint64_t uplink = 0;    // DONE, GET, the delta's chunks and the ACKs
  uint64_t total() const { return downlink + training + delta + uplink; }
};

template <uint16_t D, uint8_t C, uint16_t N>
class ScriptedRound {
 public:
  explicit ScriptedRound(const Stopwatch& stopwatch)
      : stopwatch_(stopwatch),
        session_(memory_.view(), bytefed::Identity{}, port()),
        serial_(this, &ScriptedRound::write) {}

  // Samples and head are made up; every count but that of the training's exp is the same for all.
  RoundCost run() {
    using namespace bytefed;
    connect();
    fill(blob_, N * (1u + D));
    for (uint16_t i = 0; i < N; ++i) blob_[i * (1u + D)] = static_cast<uint8_t>(i % C);
    request(Add{0, N, Add::kAnew, crc32(blob_, N * (1u + D)), 0.01f, -3});
    push(N * (1u + D));

    cost_ = RoundCost{};
    const size_t size = blob_size(Codec::kFloat32, HeadShape{D, C}.parameters());
    std::memset(blob_, 0, size);
    request(Begin{1, crc32(blob_, size), 0}, RoundFlag::kTrain);
    push(size);
    request(Get{0, kMaxWindow});
    if (session_.state() != State::kReady) fatal("the scripted round did not come to its end");
    return cost_;
  }

  static constexpr size_t kSessionSize = sizeof(bytefed::Session) + sizeof(bytefed::SerialLink);

 private:
  static bytefed::Port port() {
    bytefed::Port port = {};
    port.millis = [](void*) { return uint32_t{0}; };
    return port;
  }

  static constexpr size_t kChunk = bytefed::kMaxFrame - bytefed::kHeaderSize;

  void connect() {
    request(bytefed::Hello{bytefed::kProtocolVersion, bytefed::kProtocolVersion, 1, 1, bytefed::kMaxFrame});
    request(bytefed::Config{0, 0, 1, 1, 0.05f, 1});
  }

  template <typename M>
  void request(const M& message, uint8_t flags = 0) {
    uint8_t frame[bytefed::kMaxFrame];
    const uint8_t kind = static_cast<uint8_t>(M::kKind) | flags;
    bytefed::pack_control_header(static_cast<bytefed::Kind>(kind), ++sequence_, frame);
    bytefed::pack(message, frame + bytefed::kHeaderSize);
    send(frame, bytefed::kHeaderSize + M::kSize);
  }

  void push(size_t size) {
    uint8_t frame[bytefed::kMaxFrame];
    bytefed::ChunkSender sender;
    sender.start(blob_, {size, kChunk, bytefed::kMaxWindow});
    sender.request(0, nullptr, 0);
    while (sender.pending()) {
      const size_t length = sender.pack_next(sequence_ & 3u, frame);
      sender.sent();
      send(frame, length);
    }
  }

  // Bytes, and a poll after each delimiter, as the board's main loop goes; then polls until the board waits.
  void send(const uint8_t* frame, size_t length) {
    uint8_t wire[bytefed::kMaxSerialWire];
    const size_t size = bytefed::encode_serial_frame(frame, length, wire);
    for (size_t i = 0; i < size; ++i) {
      spend([&] { serial_.receive(session_, wire[i]); });
      if (wire[i] == 0) poll();
    }
    while (poll()) {
    }
  }

  bool poll() {
    bool busy = false;
    spend([&] {
      busy = session_.poll();
      serial_.flush();
    });
    return busy;
  }

  // Books the instructions of `work` under the phase that it ends.
  template <typename Work>
  void spend(Work work) {
    using bytefed::State;
    const State before = session_.state();
    const uint32_t count = stopwatch_.count(work);
    const State after = session_.state();
    if (before == State::kTraining) {
      (after == State::kTraining ? cost_.training : cost_.delta) += count;
    } else if (before == State::kReady) {
      cost_.uplink += count;
    } else {
      cost_.downlink += count;
    }
  }

  static size_t write(void*, const uint8_t*, size_t length) { return length; }

  static void fill(uint8_t* bytes, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<uint8_t>(bytefed::crc32(&i, sizeof i));
    }
  }

  const Stopwatch& stopwatch_;
  bytefed::StaticMemory<D, C, N, 1> memory_;
  bytefed::Session session_;
  bytefed::SerialLink serial_;
  RoundCost cost_;
  uint8_t sequence_ = 0;
  uint8_t blob_[sizeof(float) * (D + 1u) * C];
};
