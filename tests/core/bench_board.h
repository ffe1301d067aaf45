// A session on the bench: its link keeps what it sends, or refuses it; its clock and extractor obey the test.
#pragma once
#include <cstring>
#include <deque>
#include <string>

#include "bytefed/protocol/crc.h"
#include "bytefed/session/session.h"
#include "check.h"

namespace bench {

using namespace bytefed;
using check::Bytes;
using check::joined;

constexpr uint16_t kFeatures = 5;
constexpr uint8_t kClasses = 2;
constexpr size_t kParameters = kFeatures * kClasses + kClasses;  // a blob of 48 bytes
constexpr uint8_t kMostClasses = 3;
constexpr uint16_t kCapacity = 16, kInputs = 7;
constexpr uint32_t kHold = 10000;  // ms of silence after which another link may take a session
constexpr uint64_t kUid = 0x0123456789ABCDEFu;

// One link of the board. Frames of up to 20 bytes need three chunks for a head; of 250, none.
struct Wire {
  explicit Wire(uint8_t frame_limit, uint8_t window = 2) : link{this, &Wire::send, frame_limit, window} {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  static bool send(void* context, const uint8_t* frame, size_t length) {
    Wire* self = static_cast<Wire*>(context);
    CHECK(length >= kHeaderSize && length <= self->link.frame_limit);
    if (self->refusals > 0) {
      --self->refusals;
      return false;
    }
    self->sent.emplace_back(frame, frame + length);
    return true;
  }

  Link link;
  int refusals = 0;  // sends to refuse before the next is taken
  std::deque<Bytes> sent;
};

template <typename M>
Bytes body_of(const M& message) {
  Bytes body(M::kSize);
  pack(message, body.data());
  return body;
}

// A request as it goes into a frame.
struct Request {
  Kind kind;
  Bytes body;
};

class BenchBoard {
 public:
  explicit BenchBoard(uint8_t frame_limit = 20, uint8_t window = 2, bool extractor = true,
                      bool sensor = false, uint16_t capabilities = Board::kExtractor | Board::kSensor)
      : wire(frame_limit, window),
        session(
            memory_.view(kClasses),
            {kUid, 77, capabilities, 0xABCD, extractor ? kInputs : uint16_t{0}, {0.5f, -2}},
            {this, &BenchBoard::millis, extractor ? &BenchBoard::extract : nullptr,
             sensor ? &BenchBoard::sense : nullptr, nullptr, nullptr, &BenchBoard::draw, &BenchBoard::keep,
             sensor ? &BenchBoard::show : nullptr, sensor ? &BenchBoard::level : nullptr}) {}
  BenchBoard(const BenchBoard&) = delete;
  BenchBoard& operator=(const BenchBoard&) = delete;

  // Hands a frame over without letting the board work.
  void give(const Bytes& frame) { give(wire, frame); }
  void give(Wire& on, const Bytes& frame) { session.receive(&on.link, frame.data(), frame.size()); }

  // Lets the board work until it has nothing to do.
  void work() {
    int slices = 0;
    while (session.poll()) {
      if (++slices > 100000) return check::fail(__FILE__, __LINE__, "the board never rests");
    }
  }

  Bytes control(Kind kind, uint8_t sequence, const Bytes& body = {}) {
    return joined({static_cast<uint8_t>(kind), sequence}, body);
  }

  // Sends the next request and lets the board work: all that it says then is taken by `take`.
  void ask(Kind kind, const Bytes& body = {}) { ask_on(wire, kind, body); }
  void ask_on(Wire& on, Kind kind, const Bytes& body = {}) {
    give(on, control(kind, ++sequence, body));
    work();
  }
  template <typename M>
  void ask(const M& message) {
    ask(M::kKind, body_of(message));
  }
  void ask(const Request& request) { ask(request.kind, request.body); }
  // Asks once more with the sequence number of the last request, as a host does that heard nothing.
  void ask_again(const Request& request) {
    give(control(request.kind, sequence, request.body));
    work();
  }
  void poll() {
    give(control(Kind::kPoll, sequence));
    work();
  }

  // The next frame that the board sent, empty for none.
  Bytes take() { return take(wire); }
  Bytes take(Wire& on) {
    if (on.sent.empty()) return {};
    const Bytes frame = on.sent.front();
    on.sent.pop_front();
    return frame;
  }

  // The next frame, which must be of that kind and answer that sequence number.
  template <typename M>
  M expect(int answers = -1) {
    M message = {};
    const Bytes frame = take();
    CHECK(frame.size() >= kHeaderSize + M::kSize);
    if (frame.size() < kHeaderSize + M::kSize) return message;
    CHECK_EQUAL(frame[0], static_cast<uint8_t>(M::kKind));
    CHECK_EQUAL(frame[1], answers < 0 ? sequence : static_cast<uint8_t>(answers));
    unpack(frame.data() + kHeaderSize, frame.size() - kHeaderSize, &message);
    tail.assign(frame.begin() + kHeaderSize + M::kSize, frame.end());
    return message;
  }
  void expect_error(Status status, int answers = -1) {
    CHECK_EQUAL(static_cast<int>(expect<Error>(answers).status), static_cast<int>(status));
  }
  void expect_silence() { CHECK(wire.sent.empty()); }

  // ---- The usual ways

  static Config plan(uint8_t epochs = 1, uint8_t batch = 2, float rate = 0.1f) {
    return {0, 0, epochs, batch, rate, 9};
  }
  Welcome hello(uint32_t run = 1, uint8_t limit = 250) {
    ask(Hello{2, 2, run, 0xCAFE, limit});
    return expect<Welcome>();
  }
  void configure(uint8_t epochs = 1, uint8_t batch = 2, float rate = 0.1f) {
    ask(plan(epochs, batch, rate));
    CHECK_EQUAL(take(), control(Kind::kConfigured, sequence));
  }
  Stored store() {
    ask(Kind::kStore);
    return expect<Stored>();
  }

  // Chunks of a blob for the request of the last sequence number; poll bit on the last of each window.
  void push(const Bytes& blob, uint16_t first = 0) {
    const size_t chunk = wire.link.frame_limit - kHeaderSize;
    const uint16_t count = static_cast<uint16_t>((blob.size() + chunk - 1) / chunk);
    for (uint16_t i = first; i < count; ++i) {
      const bool poll = i + 1 == count || (i + 1) % wire.link.window == 0;
      give(data(i, poll,
                Bytes(blob.begin() + static_cast<long>(i * chunk),
                      blob.begin() + static_cast<long>(std::min(blob.size(), (i + 1) * chunk)))));
      work();
    }
  }
  Bytes data(uint16_t index, bool poll, const Bytes& content) {
    Bytes header(kHeaderSize);
    pack(DataHeader{static_cast<uint8_t>(sequence & 3), poll, index}, header.data());
    return joined(header, content);
  }
  // The status of the final ACK, which must be the last frame sent; 255 for none.
  int final_status() {
    if (wire.sent.empty()) return 255;
    const Bytes frame = wire.sent.back();
    wire.sent.clear();
    return is_data(frame.data()) && frame.size() == 3 ? frame[2] : 255;
  }

  static Bytes records(uint16_t count, size_t values = kFeatures, uint8_t start = 0) {
    Bytes bytes;
    for (uint16_t i = 0; i < count; ++i) {
      bytes.push_back(static_cast<uint8_t>(i % kClasses));
      for (size_t k = 0; k < values; ++k) bytes.push_back(static_cast<uint8_t>(start + 31 * i + 7 * k));
    }
    return bytes;
  }
  static Add add_of(const Bytes& blob, uint16_t first, uint16_t count, uint8_t kind) {
    return {first, count, kind, crc32(blob.data(), blob.size()), 0.02f, -3};
  }
  int add(const Bytes& blob, uint16_t first, uint16_t count, uint8_t kind) {
    ask(add_of(blob, first, count, kind));
    CHECK_EQUAL(expect<Added>().state, 1);
    push(blob);
    return final_status();
  }
  void provision() {
    const Bytes blob = records(6);
    CHECK_EQUAL(add(blob, 0, 6, Add::kAnew), 0);
    CHECK_EQUAL(add(records(3), 0, 3, Add::kTest), 0);
  }
  void ready() {
    hello();
    configure();
    provision();
    store();
  }

  static Bytes head(float first = 0.25f) {
    float values[kParameters];
    for (size_t i = 0; i < kParameters; ++i) values[i] = first + 0.01f * static_cast<float>(i);
    return blob_of(values);
  }
  static Bytes blob_of(const float* values) {
    Bytes blob(kParameters * sizeof(float));
    std::memcpy(blob.data(), values, blob.size());
    return blob;
  }
  static Request round_of(Kind kind, uint8_t flags, const Bytes& body) {
    return {static_cast<Kind>(static_cast<uint8_t>(kind) | flags), body};
  }
  static Request begin_of(uint16_t round, const Bytes& head, uint8_t flags = RoundFlag::kTrain,
                          uint8_t codec = 0) {
    return round_of(Kind::kBegin, flags, body_of(Begin{round, crc32(head.data(), head.size()), codec}));
  }
  // The NEXT that leads to `head` by `blob`.
  static Request next_of(uint16_t round, const Bytes& head, const Bytes& blob,
                         uint8_t flags = RoundFlag::kTrain) {
    return round_of(Kind::kNext, flags, joined(body_of(Next{round, crc32(head.data(), head.size())}), blob));
  }
  static Request next_of(uint16_t round, const Bytes& head) { return next_of(round, head, head); }
  // The same with a CONFIG behind its fields.
  static Request with_config(const Request& request, const Config& config) {
    const bool next = (static_cast<uint8_t>(request.kind) & 0xF0) == static_cast<uint8_t>(Kind::kNext);
    const long fields = next ? Next::kSize : Begin::kSize;
    const Bytes blob(request.body.begin() + fields, request.body.end());
    const Bytes own(request.body.begin(), request.body.begin() + fields);
    return round_of(request.kind, RoundFlag::kConfigure, joined(joined(own, body_of(config)), blob));
  }
  // The last window that was classified or recorded, as it is in memory.
  Bytes raw_window() const { return Bytes(memory_.window, memory_.window + kInputs); }
  uint8_t* samples() { return memory_.samples; }
  Bytes global_head() const { return blob_of(session.global_head()); }

  // A whole round up to its end on a link with small frames: DONE, or with statistics RESULT.
  Done round(uint16_t number, const Bytes& blob, uint8_t flags = RoundFlag::kTrain) {
    begin_and_push(number, blob, flags);
    return expect<Done>();
  }
  Result measured_round(uint16_t number, const Bytes& blob,
                        uint8_t flags = RoundFlag::kTrain | RoundFlag::kStatistics) {
    begin_and_push(number, blob, flags);
    return expect<Result>();
  }
  void begin_and_push(uint16_t number, const Bytes& blob, uint8_t flags) {
    ask(begin_of(number, blob, flags));
    CHECK_EQUAL(static_cast<int>(expect<Accept>().state), 1);
    push(blob);
    CHECK_EQUAL(take(), ack(wire.link.window));
    CHECK_EQUAL(take(), final_ack());
  }
  void release(uint16_t number, uint8_t counted = 1) {
    ask(Release{number, counted});
    CHECK_EQUAL(take(), control(Kind::kReleased, sequence));
  }
  // The whole delta, in windows of that many chunks.
  Bytes pull(uint8_t window = 2) {
    ask(Get{0, window});
    Bytes blob;
    uint16_t next = 0;
    while (next < 3) {
      const Bytes frame = take();
      if (frame.size() < kHeaderSize) {
        check::fail(__FILE__, __LINE__, "the board stopped sending");
        return blob;
      }
      const DataHeader header = unpack_data_header(frame.data());
      CHECK_EQUAL(header.index, next);
      CHECK_EQUAL(header.transfer, sequence & 3);
      blob.insert(blob.end(), frame.begin() + kHeaderSize, frame.end());
      ++next;
      CHECK_EQUAL(header.poll, next % window == 0 || next == 3);
      if (header.poll && next < 3) {
        give(ack(next));
        work();
      }
    }
    return blob;
  }
  void expect_no_pull() {
    ask(Get{0, 2});
    expect_error(Status::kBusy);
  }
  Bytes ack(uint16_t first) { return data(first, false, {}); }
  Bytes final_ack(uint8_t status = 0) { return data(3, false, {status}); }

 private:
  static uint32_t millis(void* context) { return static_cast<BenchBoard*>(context)->now += 40; }
  static bool extract(void* context, const int8_t* input, int8_t* features) {
    BenchBoard* self = static_cast<BenchBoard*>(context);
    if (self->extractions_to_failure-- == 0) return false;
    for (size_t i = 0; i < kFeatures; ++i) {
      features[i] = static_cast<int8_t>(input[i] ^ input[kInputs - 1]);
    }
    return true;
  }

  // The next window, if the test has given one.
  static bool sense(void* context, int8_t* input) {
    BenchBoard* self = static_cast<BenchBoard*>(context);
    if (self->windows.empty()) return false;
    std::memcpy(input, self->windows.front().data(), kInputs);
    self->windows.pop_front();
    return true;
  }

  // Another key each time, so that nothing that is random comes twice.
  static bool draw(void* context, uint8_t* bytes, size_t length) {
    BenchBoard* self = static_cast<BenchBoard*>(context);
    std::memset(bytes, static_cast<uint8_t>(++self->draws), length);
    return self->has_entropy;
  }
  static bool keep(void* context, const BudgetRecord& record) {
    BenchBoard* self = static_cast<BenchBoard*>(context);
    if (!self->has_flash) return false;
    self->kept.push_back(record);
    return true;
  }
  // Changes the text that phones read from now on.
  static bool show(void* context, const char* text, size_t length) {
    BenchBoard* self = static_cast<BenchBoard*>(context);
    CHECK(length <= kPhoneText);
    if (self->radio) self->phone.assign(text, text + length);
    self->texts += self->radio && length > 0;
    return self->radio;
  }

  static Levelled level(void*) { return {1234, 5}; }

  StaticMemory<kFeatures, kMostClasses, kCapacity, 4, true, kInputs> memory_;

 public:
  Wire wire;
  Session session;
  uint8_t sequence = 40;
  uint32_t now = 0xFFFFFF00u;       // wraps around soon
  int extractions_to_failure = -1;  // -1: never
  std::deque<Bytes> windows;        // of kInputs bytes, as the sensor gives them
  bool has_entropy = true, has_flash = true;
  unsigned draws = 0;             // of random bytes
  std::deque<BudgetRecord> kept;  // budgets, as flash was to keep them
  bool radio = true;              // whether it is on
  std::string phone;              // what phones can read
  int texts = 0;                  // that they were shown so far
  Bytes tail;                     // what followed the fields of the message taken last
};

}  // namespace bench
