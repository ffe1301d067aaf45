// A board of a masked run through any sequence of requests. The fuzzer knows all that the board draws, and so
// its masks: whatever blob leaves is taken apart and must be a hidden delta, the same for the same key; and
// no two keys' worth of survivors are told of one blob.
#include <cstdlib>
#include <cstring>

#include "bytefed/protocol/crc.h"
#include "bytefed/secure_sum/lanes.h"
#include "bytefed/session/session.h"
#include "input.h"

using namespace bytefed;

namespace {

constexpr uint16_t kFeatures = 5, kInputs = 7, kCapacity = 12;
constexpr uint8_t kClasses = 3, kMaxBatch = 4, kNeighbours = 3;
constexpr uint16_t kBoards = kNeighbours + 1;
constexpr size_t kParameters = kFeatures * kClasses + kClasses;

void insist(bool holds) {
  if (!holds) abort();
}

struct World {
  World()
      : link{this, &World::send, kMaxFrame, 4},
        session(memory.view(kClasses), {1, 2, 3, 3, kInputs, {0.5f, 1}}, port()) {
    link.cable = true;
    for (uint8_t i = 0; i < kNeighbours; ++i) {
      uint8_t secret[kKeySize];
      std::memset(secret, 0xE0 + i, sizeof secret);
      x25519_public(secret, points[i]);
    }
  }
  Port port() {
    Port made = {this, &World::millis, nullptr};
    made.random = &World::random;
    return made;
  }

  // Each draw is another one: its number, in each byte of four.
  static bool random(void* context, uint8_t* bytes, size_t length) {
    World* self = static_cast<World*>(context);
    if (self->failures != 0 && --self->failures == 0) return false;
    uint8_t* const drawn = length == kKeySize ? self->secret : self->own;
    ++self->draws;
    for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(self->draws >> 8 * (i % 4));
    std::memcpy(drawn, bytes, length);
    if (length == kMaskKeySize) self->fresh = true, self->told = false;
    return true;
  }
  static uint32_t millis(void* context) { return static_cast<World*>(context)->now += 3; }
  static bool send(void* context, const uint8_t* frame, size_t length) {
    insist(length >= kHeaderSize && length <= kMaxFrame);
    static_cast<World*>(context)->hear(frame, length);
    return true;
  }

  void hear(const uint8_t* frame, size_t length) {
    const uint8_t* const body = frame + kHeaderSize;
    switch (static_cast<Kind>(frame[0])) {
      case Kind::kDone: return judge(body + Done::kSize, length - kHeaderSize - Done::kSize);
      case Kind::kResult: {
        Result result = {};
        insist(unpack(body, length - kHeaderSize, &result));
        if (session.round_record().masked) {
          insist(result.num_examples == 0 && result.correct == 0 && result.test_correct == 0 &&
                 result.loss == 0.0f);
        }
        return judge(body + Result::kSize, length - kHeaderSize - Result::kSize);
      }
      case Kind::kUnmasked:
        insist(!told || told_of == asked_of);
        insist(std::memcmp(body, own, kMaskKeySize) == 0);
        told = true;
        told_of = asked_of;
        return;
      case Kind::kConfigured: config = asked; return;
      default: return;
    }
  }
  // A blob of a masked run: new for a new key, and the one of before for the key of before.
  void judge(const uint8_t* blob, size_t size) {
    if (size == 0 || !session.round_record().masked) return;
    insist(size <= sizeof last);
    if (fresh) {
      fresh = false;
      std::memcpy(last, blob, size);
      last_size = size;
      take_apart(blob, size);
    }
    insist(size == last_size && std::memcmp(last, blob, size) == 0);
  }
  // Takes the masks off by a setup of the fuzzer's own, and looks at what they hid.
  void take_apart(const uint8_t* blob, size_t size) {
    const RoundRecord record = session.round_record();
    const bool statistics = (record.request.flags & RoundFlag::kStatistics) != 0;
    const uint8_t codec = codec_of(trained.codec_up);
    Masks masks;
    masks.begin(plan, secret);
    insist(masks.take(0, points[0], kNeighbours, record.run));
    masks.open(session.round(), statistics, record.request.step, trained, {}, session.global_head(),
               kParameters);
    const SumLayout layout =
        sum_layout(static_cast<Codec>(codec), kParameters, kBoards, statistics ? kSumWords : 2);
    insist(layout.size() == size);
    uint8_t plain[sizeof last], mask[sizeof last] = {};
    std::memcpy(plain, blob, size);
    masks.hide(session.round(), own, layout, mask);
    subtract(layout, mask, plain);
    uint32_t examples;
    std::memcpy(&examples, plain, sizeof examples);
    insist(examples == session.store().count(Split::kTrain));
    if (layout.bits == 32) return;
    LaneReader reader(plain + sizeof(uint32_t) * layout.words, layout.bits);
    const uint32_t most = codec == 1 ? 255 : codec == 2 ? 1 : 3;
    for (size_t i = 0; i < layout.lanes; ++i) insist(reader.take() <= most);
  }
  static void subtract(const SumLayout& layout, const uint8_t* mask, uint8_t* blob) {
    const size_t words = layout.words + (layout.bits == 32 ? layout.lanes : 0);
    for (size_t i = 0; i < words; ++i, blob += sizeof(uint32_t), mask += sizeof(uint32_t)) {
      uint32_t a, b;
      std::memcpy(&a, blob, sizeof a);
      std::memcpy(&b, mask, sizeof b);
      a -= b;
      std::memcpy(blob, &a, sizeof a);
    }
    if (layout.bits == 32) return;
    LaneReader from(blob, layout.bits), less(mask, layout.bits);
    LaneWriter writer(blob, layout.bits);
    for (size_t i = 0; i < layout.lanes; ++i) writer.put(from.take() - less.take());
  }

  void give(const uint8_t* frame, size_t length) { session.receive(&link, frame, length); }
  void work() {
    for (int slices = 0; session.poll(); ++slices) insist(slices < 10000);
  }

  StaticMemory<kFeatures, kClasses, kCapacity, kMaxBatch> memory;
  Link link;
  Session session;
  uint8_t points[kNeighbours][kKeySize] = {};
  uint8_t secret[kKeySize] = {}, own[kMaskKeySize] = {};  // drawn last
  uint32_t draws = 0, now = 0;
  uint8_t failures = 0, sequence = 0;
  bool fresh = false;  // a key was drawn, and no blob has come since
  uint8_t last[256] = {};
  size_t last_size = 0;
  bool told = false;  // the keys of that blob
  uint16_t asked_of = 0, told_of = 0;
  Mask plan = {};                  // that the board took
  Config asked = {}, config = {};  // sent last, and taken last
  Config trained = {};             // that the round's training began with
};

template <typename M>
void request(World& world, const M& message, const void* behind = nullptr, size_t size = 0,
             uint8_t flags = 0) {
  uint8_t frame[kMaxFrame];
  pack_control_header(static_cast<Kind>(static_cast<uint8_t>(M::kKind) | flags), ++world.sequence, frame);
  pack(message, frame + kHeaderSize);
  if (size > 0) std::memcpy(frame + kHeaderSize + M::kSize, behind, size);
  world.give(frame, kHeaderSize + M::kSize + size);
}

void hello(World& world, uint8_t run) {
  request(world, Hello{2, 2, run, 7, kMaxFrame});
  world.work();
}

void configure(World& world, Input& input) {
  const uint8_t how = input.byte();
  world.asked = {0,
                 static_cast<uint8_t>((how & 7u) | (how & 0x80u)),
                 static_cast<uint8_t>(1 + (how >> 3 & 1)),
                 2,
                 0.1f,
                 input.byte(),
                 0.0f};
  request(world, world.asked);
  world.work();
}

void add(World& world, Input& input) {
  uint8_t records[kCapacity * (1 + kFeatures)];
  const uint16_t count = 1 + input.byte() % kCapacity;
  for (size_t i = 0; i < sizeof records; ++i) records[i] = i % (1 + kFeatures) == 0 ? 1 : input.byte();
  const size_t size = count * (1u + kFeatures);
  const uint16_t first = input.byte() % 2 == 0 ? 0 : world.session.store().count(Split::kTrain);
  request(world, Add{first, count, first == 0 ? Add::kAnew : uint8_t{0}, crc32(records, size), 0.5f, 3});
  uint8_t frame[kMaxFrame];
  pack(DataHeader{static_cast<uint8_t>(world.sequence & 3u), true, 0}, frame);
  std::memcpy(frame + kHeaderSize, records, size);
  world.give(frame, kHeaderSize + size);
  world.work();
}

void mask(World& world, Input& input) {
  const Mask plan = {static_cast<uint8_t>(input.byte() % 3), kBoards, 5,
                     static_cast<uint8_t>(3 + input.byte() % 2)};
  const uint32_t draws = world.draws;
  request(world, plan);
  if (world.draws != draws) world.plan = plan;
  world.work();
}

void peers(World& world, Input& input) {
  const uint8_t first = input.byte() % 4, count = 1 + input.byte() % 3;
  uint8_t points[3 * kKeySize] = {};
  for (uint8_t i = 0; i < count && first + i < kNeighbours; ++i) {
    std::memcpy(points + i * kKeySize, world.points[first + i], kKeySize);
  }
  request(world, Peers{first}, points, count * kKeySize);
  world.work();
}

void next(World& world, Input& input) {
  const uint8_t how = input.byte();
  const uint8_t flags = static_cast<uint8_t>((how & 7u));
  const float step = (how & 8u) != 0 ? 0.01f : 0.5f;
  const uint16_t round = input.byte() % 16;
  const uint32_t head = crc32(world.session.global_head(), sizeof(float) * kParameters);
  const RoundRecord before = world.session.round_record();
  const bool worked = world.session.state() == State::kTraining;
  request(world, Next{round, head}, &step, (how & 16u) != 0 ? 0 : sizeof step, flags);
  const RoundRequest now = world.session.round_record().request;
  const bool same = worked && now.round == before.request.round && now.flags == before.request.flags &&
                    now.step == before.request.step;
  if (world.session.state() == State::kTraining && !same) world.trained = world.config;
  if ((how & 32u) == 0) world.work();
}

void unmask(World& world, Input& input) {
  world.asked_of = input.byte() % 16;
  request(world, Unmask{static_cast<uint16_t>(input.byte() % 3 + world.session.round() - 1), world.asked_of});
  world.work();
}

void step(World& world, Input& input) {
  switch (input.byte() % 12) {
    case 0: return hello(world, input.byte() % 3);
    case 1: return configure(world, input);
    case 2: return add(world, input);
    case 3: return mask(world, input);
    case 4:
    case 5: return peers(world, input);
    case 6:
    case 7: return next(world, input);
    case 8: return unmask(world, input);
    case 9: world.failures = input.byte() % 4; return;
    case 10: {
      request(world, Release{static_cast<uint16_t>(input.byte() % 2 == 0 ? 0 : world.session.round()), 1});
      return world.work();
    }
    default: {
      const uint8_t frame[] = {static_cast<uint8_t>(input.byte() % 16), world.sequence, input.byte(), 0, 1};
      world.give(frame, sizeof frame);
      return world.work();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  World world;
  hello(world, 1);
  add(world, input);
  for (int steps = 0; !input.empty() && steps < 64; ++steps) step(world, input);
  return 0;
}
