// A board through any sequence of frames, slices of work, refused sends, failing extractions, sensor and
// flash, and losses of power.
//
// An input is a list of steps, each an opcode and its arguments; the opcodes mend what no fuzzer would guess
// (run, transfer number, checksums), so that inputs get past the door.
#include <cstdlib>
#include <cstring>
#include <memory>

#include "bytefed/protocol/crc.h"
#include "bytefed/storage/keeper.h"
#include "flash.h"
#include "input.h"

using namespace bytefed;

namespace {

constexpr uint16_t kFeatures = 5, kInputs = 7, kCapacity = 12;
constexpr uint8_t kClasses = 3, kMostClasses = 5, kMaxBatch = 4;

using BoardMemory = StaticMemory<kFeatures, kMostClasses, kCapacity, kMaxBatch, true, kInputs>;

// Parameters of the board's head now.
size_t parameters(const Session& session) {
  return HeadShape{kFeatures, session.board().classes}.parameters();
}

// The part of a board that a loss of power destroys: its memory comes up with anything in it.
struct Device {
  Device(const Port& port, Flash& flash)
      : session(garbage(memory), {1, 2, 1, 3, kInputs, {0.5f, 1}}, port),
        keeper(flash.device(), session, memory.view(kClasses), 3) {}
  static Memory garbage(BoardMemory& memory) {
    std::memset(static_cast<void*>(&memory), 0xA5, sizeof memory);
    return memory.view(kClasses);
  }

  BoardMemory memory;
  Session session;
  Keeper keeper;
};

// The state that survives a loss of power. It excludes the number of a round whose head never came, and the
// scale of features when there are no samples.
struct Kept {
  uint32_t head, samples;
  uint16_t round;
  State state;
  explicit Kept(const Session& session)
      : head(crc32(session.global_head(), sizeof(float) * parameters(session))),
        samples(has_samples(session.store()) ? session.store().crc() : 0),
        round(session.state() == State::kReady ? session.round() : uint16_t{0}),
        state(session.state()) {}
  static bool has_samples(const SampleStore& store) {
    return store.count(Split::kTrain) + store.count(Split::kTest) != 0;
  }
  bool operator==(const Kept& other) const {
    return head == other.head && samples == other.samples && round == other.round && state == other.state;
  }
};

struct World {
  World(uint8_t limit, uint8_t window)
      : links{{this, &World::send, limit, window}, {this, &World::send, 20, 3}} {
    links[0].cable = true;
    power_up();
  }
  Session& session() { return board->session; }
  uint8_t current_link() { return session().link() == &links[1] ? 1 : 0; }
  void power_up() {
    Port port = {this, &World::millis, &World::extract, &World::sense, &World::about, &World::save};
    port.show = &World::show;
    board.reset(new Device(port, flash));
    board->keeper.load();
  }

  static bool send(void* context, const uint8_t* frame, size_t length) {
    World* self = static_cast<World*>(context);
    if (length < kHeaderSize || length > kMaxFrame) abort();
    if (self->refusals != 0) return --self->refusals, false;
    const bool done =
        frame[0] == static_cast<uint8_t>(Kind::kDone) || frame[0] == static_cast<uint8_t>(Kind::kResult);
    if (done && !self->asked) abort();  // only for who asked in this session
    self->heard += frame[length - 1];   // reads the whole frame for the sanitizers
    return true;
  }
  static uint32_t millis(void* context) { return static_cast<World*>(context)->now += 3; }
  static bool extract(void* context, const int8_t* input, int8_t* features) {
    World* self = static_cast<World*>(context);
    std::memcpy(features, input, kFeatures);
    features[0] = static_cast<int8_t>(features[0] ^ input[kInputs - 1]);
    return self->failures == 0 || self->failures-- != 1;
  }
  static bool sense(void* context, int8_t* input) {
    World* self = static_cast<World*>(context);
    if (self->sensor_waits != 0) return --self->sensor_waits, false;
    for (uint8_t i = 0; i < kInputs; ++i) input[i] = static_cast<int8_t>(++self->reading);
    return true;
  }
  static void about(void*, Details* details) { details->board = Model::kFeather; }
  // Phones are shown a text only while a host wants it.
  static bool show(void* context, const char* text, size_t length) {
    World* self = static_cast<World*>(context);
    if (length > kPhoneText) abort();
    if (length > 0 && (self->session().board().capabilities & Board::kShown) == 0) abort();
    for (size_t i = 0; i < length; ++i) self->heard += static_cast<uint8_t>(text[i]);
    return true;
  }
  static bool save(void* context) { return static_cast<World*>(context)->board->keeper.save(); }

  void give(uint8_t link, const uint8_t* frame, size_t length) {
    // A copy of just that size, so that reading beyond it is found.
    uint8_t* copy = static_cast<uint8_t*>(std::malloc(length + 1));
    std::memcpy(copy, frame, length);
    const uint8_t kind = length > kHeaderSize ? frame[0] & 0xF0u : 0;
    asked |= kind == static_cast<uint8_t>(Kind::kNext) || kind == static_cast<uint8_t>(Kind::kBegin);
    session().receive(&links[link & 1], copy, length);
    // A HELLO that another link's session refuses is none.
    if (is_hello(frame, length) && session().link() == &links[link & 1]) asked = false;
    std::free(copy);
  }
  static bool is_hello(const uint8_t* frame, size_t length) {
    Hello hello = {};
    if (length <= kHeaderSize || frame[0] != static_cast<uint8_t>(Kind::kHello)) return false;
    if (!unpack(frame + kHeaderSize, length - kHeaderSize, &hello)) return false;
    if (hello.version_min > kProtocolVersion || hello.version_max < kProtocolVersion) return false;
    return hello.frame_limit >= kMinFrame;
  }
  void check() {
    const SampleStore& store = session().store();
    if (store.count(Split::kTrain) + store.count(Split::kTest) > store.capacity()) abort();
    for (uint8_t split = 0; split < 2; ++split) {
      for (uint16_t i = 0; i < store.count(static_cast<Split>(split)); ++i) {
        if (store.get(static_cast<Split>(split), i).label >= session().board().classes) abort();
      }
    }
    if (session().holds_delta() && session().round_record().state != State::kReady) abort();
    if (!all_finite(session().global_head(), parameters(session()))) abort();
  }

  Link links[2];
  uint32_t now = 0;
  uint8_t refusals = 0, failures = 0, sensor_waits = 0, reading = 0, sequence = 0;
  volatile uint8_t heard = 0;
  uint8_t blob[256] = {};  // what transfers carry
  uint16_t blob_length = 0;
  uint8_t last_round[kMaxFrame] = {};  // the frame of the last NEXT or BEGIN
  size_t last_length = 0;
  uint8_t codec_down = 0;    // of the last CONFIG
  bool asked = false;        // for a round, since the last HELLO
  bool was_readable = true;  // the flash, at the last start
  Flash flash{64, 40};
  std::unique_ptr<Device> board;
};

template <typename M>
void request(World& world, uint8_t link, const M& message) {
  uint8_t frame[kHeaderSize + M::kSize];
  pack_control_header(M::kKind, ++world.sequence, frame);
  pack(message, frame + kHeaderSize);
  world.give(link, frame, sizeof frame);
}

Config config(World& world, Input& input) {
  const uint8_t rate = input.byte(), codecs = input.byte();
  world.codec_down = codecs >> 3 & 7u;
  return {world.codec_down,
          static_cast<uint8_t>(codecs & 7u),
          input.byte(),
          input.byte(),
          rate < 250 ? 0.01f * rate : 3e38f,
          5,
          rate % 5 == 0 ? 0.1f : 0.0f};
}

constexpr size_t kHeadParameters = kFeatures * kClasses + kClasses;

// Puts the head that a difference leads to into world.blob, which holds the difference.
uint32_t head_by_difference(World& world, uint16_t round) {
  float head[32], values[32] = {};  // of one padded group
  decode(static_cast<Codec>(world.codec_down), kHeadParameters, downlink_seed(round), world.blob, values);
  for (size_t i = 0; i < kHeadParameters; ++i) head[i] = values[i] + world.session().global_head()[i];
  return crc32(head, sizeof(float) * kHeadParameters);
}

// Starts a round: by BEGIN, or by NEXT with no blob, a whole head or a difference inside.
void begin(World& world, Input& input) {
  const uint8_t how = input.byte();
  world.blob_length = sizeof(float) * kHeadParameters;
  std::memset(world.blob, 0, world.blob_length);
  input.bytes(world.blob, how & 31u);
  const uint16_t round = input.byte();
  const uint8_t codec = input.byte(), flags = input.byte() & 15u;
  uint32_t head = crc32(world.blob, world.blob_length);
  const bool next = (how & 0x40u) != 0;
  size_t size = next ? world.blob_length : 0;
  if (next && codec % 3 == 0) {
    head = crc32(world.session().global_head(), world.blob_length);
    size = 0;
  } else if (next && codec % 3 == 1 && known_codec(world.codec_down) &&
             is_lossy(static_cast<Codec>(world.codec_down))) {
    size = blob_size(static_cast<Codec>(world.codec_down), kHeadParameters);
    head = head_by_difference(world, round);
  }
  if ((how & 0x80u) != 0) ++head;
  uint8_t* frame = world.last_round;
  const Kind kind = next ? Kind::kNext : Kind::kBegin;
  pack_control_header(static_cast<Kind>(static_cast<uint8_t>(kind) | flags), ++world.sequence, frame);
  size_t length = kHeaderSize;
  if (next) {
    pack(Next{round, head}, frame + length);
    length += Next::kSize;
  } else {
    pack(Begin{round, head, (how & 0x20u) != 0 ? codec : uint8_t{0}}, frame + length);
    length += Begin::kSize;
  }
  if ((flags & RoundFlag::kConfigure) != 0) {
    pack(config(world, input), frame + length);
    length += Config::kSize;
  }
  std::memcpy(frame + length, world.blob, size);
  world.last_length = length + size;
  world.give(world.current_link(), frame, world.last_length);
}

// The same NEXT or BEGIN once more, as a new request.
void begin_again(World& world) {
  if (world.last_length == 0) return;
  world.last_round[1] = ++world.sequence;
  world.give(world.current_link(), world.last_round, world.last_length);
}

void add(World& world, Input& input) {
  const uint8_t how = input.byte(), kind = input.byte();
  const SampleStore& store = world.session().store();
  const Split split = (kind & Add::kTest) != 0 ? Split::kTest : Split::kTrain;
  const uint16_t count = input.byte() % 16;
  const size_t record = 1u + ((kind & Add::kInputs) != 0 ? kInputs : kFeatures);
  world.blob_length = static_cast<uint16_t>(count * record);
  input.bytes(world.blob, world.blob_length);
  if ((how & 1u) != 0) {
    for (uint16_t i = 0; i < count; ++i) world.blob[i * record] %= kClasses;
  }
  const uint16_t first = (kind & Add::kAnew) != 0 ? uint16_t{0} : store.count(split);
  request(world, (how >> 6 & 1) ^ world.current_link(),
          Add{static_cast<uint16_t>(first + (how >> 7)), count, kind, crc32(world.blob, world.blob_length),
              0.5f, 3});
}

void chunks(World& world, Input& input) {
  const size_t chunk = 18 + (input.byte() % 2) * 230u;
  const uint8_t lost = input.byte();
  for (uint16_t i = 0; i * chunk < world.blob_length; ++i) {
    if ((lost >> i % 8 & 1) != 0) continue;
    uint8_t frame[kMaxFrame];
    const size_t left = world.blob_length - i * chunk, length = left < chunk ? left : chunk;
    pack(DataHeader{static_cast<uint8_t>(world.sequence & 3u), left <= chunk || i % 2 == 1, i}, frame);
    std::memcpy(frame + kHeaderSize, world.blob + i * chunk, length);
    world.give(input.byte() >> 7, frame, kHeaderSize + length);
    world.session().poll();
  }
}

void data_or_ack(World& world, Input& input) {
  uint8_t frame[kMaxFrame];
  const uint8_t how = input.byte();
  pack(DataHeader{static_cast<uint8_t>(world.sequence & 3u), (how & 1u) != 0, input.byte()}, frame);
  world.give(how >> 7, frame, kHeaderSize + input.bytes(frame + kHeaderSize, how >> 1 & 31u));
}

void raw(World& world, Input& input) {
  uint8_t frame[256];
  const uint8_t length = input.byte(), link = input.byte();
  world.give(link, frame, input.bytes(frame, length));
}

void work(World& world, Input& input) {
  for (uint8_t slices = input.byte(); slices != 0 && world.session().poll(); --slices) {
  }
}

void capture(World& world, Input& input) {
  const uint8_t how = input.byte();
  const uint8_t kind = (how & 1u) != 0 ? Capture::kTest : 0;
  const uint16_t first = world.session().store().count((how & 1u) != 0 ? Split::kTest : Split::kTrain);
  Capture message = {};
  message.first = static_cast<uint16_t>(first + (how >> 7));
  message.count = input.byte() % 16;
  message.label = input.byte() % 4;
  message.kind = static_cast<uint8_t>(kind | (how & 0x40u));
  world.sensor_waits = how >> 1 & 7u;
  if ((how & 0x20u) == 0) return request(world, how >> 4 & 1, message);
  world.session().capture(message);  // the board's own button
}

// The end of a round, or of the whole run, as the host says it: whether the delta counted.
void release(World& world, Input& input) {
  const uint8_t how = input.byte();
  const uint16_t round = world.session().round();
  const uint16_t rounds[] = {round, round, static_cast<uint16_t>(round + 1), 0};
  const Release message = {rounds[how >> 1 & 3u], static_cast<uint8_t>(how & 1u)};
  request(world, world.current_link(), message);
}

void label(World& world, Input& input) {
  const uint8_t how = input.byte(), length = input.byte() % 16;
  uint8_t frame[kHeaderSize + Label::kSize + 16];
  pack_control_header(Kind::kLabel, ++world.sequence, frame);
  pack(Label{static_cast<uint8_t>(how & 7u), static_cast<uint8_t>(how >> 3 & 7u)}, frame + kHeaderSize);
  input.bytes(frame + kHeaderSize + Label::kSize, length);
  world.give(world.current_link(), frame, kHeaderSize + Label::kSize + length);
}

void discard(World& world, Input& input) {
  const uint8_t how = input.byte();
  request(world, world.current_link(),
          Discard{static_cast<uint8_t>(how & 7u), static_cast<uint8_t>(how >> 3 & 7u), input.byte()});
}

void classify(World& world, Input& input) {
  const uint8_t how = input.byte();
  world.sensor_waits = how >> 5;
  request(world, world.current_link(),
          Classify{input.byte(), static_cast<uint8_t>(how & 15u), static_cast<uint8_t>(input.byte() % 64)});
}

void record(World& world, Input& input) {
  const uint8_t how = input.byte();
  world.sensor_waits = how >> 5;
  request(world, world.current_link(), Record{input.byte(), static_cast<uint16_t>(how & 15u)});
}

// If the flash can be read, all state that was safe when the power failed is there again; in any case the
// state is sound.
void lose_power(World& world, Input& input) {
  const uint8_t how = input.byte();
  const bool readable = (how & 0x80u) == 0;
  world.flash.writes_left = (how & 1u) != 0 ? how >> 1 : Flash::kForever;
  const bool safe = world.board->keeper.save() && world.was_readable && readable;
  const Kept before(world.session());
  world.flash.writes_left = Flash::kForever;
  if (!readable) world.flash.reads_left = how >> 1 & 31u;
  world.power_up();
  world.flash.reads_left = Flash::kForever;
  world.was_readable = readable;
  if (safe && !(Kept(world.session()) == before)) abort();
}

// The keeper saves bit by bit while the session goes on.
void keep(World& world, Input& input) {
  for (uint8_t steps = input.byte(); steps != 0; --steps) world.board->keeper.poll(world.now += 500);
}

void step(World& world, Input& input) {
  const uint8_t opcode = input.byte();
  switch (opcode < 192 ? opcode % 12 : 12 + opcode % 10) {
    case 0: return raw(world, input);
    case 1: return work(world, input);
    case 2:
      return request(world, input.byte(),
                     Hello{2, 2, input.byte() % 3u, 7, static_cast<uint8_t>(20 + input.byte())});
    case 3: return request(world, world.current_link(), config(world, input));
    case 4: return begin(world, input);
    case 5: return add(world, input);
    case 6: return chunks(world, input);
    case 7: return request(world, world.current_link(), Get{input.byte(), input.byte()});
    case 8: return data_or_ack(world, input);
    case 9: {
      const uint8_t frame[] = {static_cast<uint8_t>(input.byte() % 16), world.sequence};
      return world.give(input.byte() >> 7, frame, sizeof frame);
    }
    case 10: world.refusals = input.byte() % 8; return;
    case 11: world.failures = input.byte() % 4; return;
    case 12: return capture(world, input);
    case 13: return lose_power(world, input);
    case 14: return keep(world, input);
    case 15: world.flash.writes_left = input.byte(); return;
    case 16: return begin_again(world);
    case 17: return label(world, input);
    case 18: return discard(world, input);
    case 19: return classify(world, input);
    case 20: return record(world, input);
    default: return release(world, input);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  World world(static_cast<uint8_t>(20 + input.byte() % 231), static_cast<uint8_t>(1 + input.byte() % 32));
  for (int steps = 0; !input.empty() && steps < 64; ++steps) {
    step(world, input);
    world.check();
  }
  // Whatever came before: once the link takes everything, the board comes to rest.
  world.refusals = 0;
  for (uint32_t slices = 0; world.session().poll(); ++slices) {
    if (slices > 255u * kCapacity + 1000u) abort();
  }
  world.check();
  return 0;
}
