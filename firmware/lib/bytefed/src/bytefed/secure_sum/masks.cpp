#include "bytefed/secure_sum/masks.h"

#include "bytefed/privacy/random_stream.h"
#include "bytefed/protocol/header.h"
#include "bytefed/secure_sum/lanes.h"

namespace bytefed {
namespace {

size_t ones(uint16_t bits) {
  size_t count = 0;
  for (; bits != 0; bits &= static_cast<uint16_t>(bits - 1)) ++count;
  return count;
}

size_t neighbours_of(uint16_t boards) {
  return boards > kMostNeighbours ? kMostNeighbours : boards - 1u;
}

// A key's stream as lanes, each from the bits behind the one before it.
class MaskStream {
 public:
  explicit MaskStream(const uint8_t key[kMaskKeySize]) {
    uint8_t twice[kKeySize];
    std::memcpy(twice, key, kMaskKeySize);
    std::memcpy(twice + kMaskKeySize, key, kMaskKeySize);
    random_.start(twice);
    wipe(twice, sizeof twice);
  }

  uint32_t word() { return random_.word(); }
  uint32_t lane(unsigned bits) {
    uint32_t lane = held_;
    if (held_bits_ >= bits) {
      held_ >>= bits;
      held_bits_ -= bits;
    } else {
      const uint32_t next = random_.word();
      lane |= next << held_bits_;
      held_ = next >> (bits - held_bits_);
      held_bits_ += 32 - bits;
    }
    return lane & lane_mask(bits);
  }

 private:
  RandomStream random_;
  uint32_t held_ = 0;
  unsigned held_bits_ = 0;
};

}  // namespace

void add_mask(const uint8_t key[kMaskKeySize], bool subtract, const SumLayout& layout, uint8_t* blob) {
  MaskStream stream(key);
  const uint32_t flip = subtract ? 0xFFFFFFFFu : 0u;  // -m is ~m + 1
  const size_t words = layout.words + (layout.bits == 32 ? layout.lanes : 0);
  for (size_t i = 0; i < words; ++i, blob += sizeof(uint32_t)) {
    uint32_t word;
    std::memcpy(&word, blob, sizeof word);
    word += (stream.word() ^ flip) - flip;
    std::memcpy(blob, &word, sizeof word);
  }
  if (layout.bits == 32) return;
  LaneReader reader(blob, layout.bits);
  LaneWriter writer(blob, layout.bits);
  for (size_t i = 0; i < layout.lanes; ++i) {
    writer.put(reader.take() + ((stream.lane(layout.bits) ^ flip) - flip));
  }
}

size_t Masks::neighbours() const {
  return neighbours_of(plan_.boards);
}

uint16_t Masks::all() const {
  return static_cast<uint16_t>((1u << neighbours()) - 1);
}

bool Masks::ready() const {
  return begun() && known_ == all();
}

bool Masks::valid(const Mask& plan) {
  constexpr uint8_t kLeast = 3;
  return plan.boards >= kLeast && plan.reference != 0 && plan.min_sum >= kLeast &&
         plan.min_sum <= neighbours_of(plan.boards) + 1;
}

bool Masks::is_set_up(const Mask& plan) const {
  return plan.setup == plan_.setup && plan.boards == plan_.boards && plan.reference == plan_.reference &&
         plan.min_sum == plan_.min_sum;
}

void Masks::begin(const Mask& plan, const uint8_t secret[kKeySize]) {
  forget();
  plan_ = plan;
  std::memcpy(secret_, secret, kKeySize);
  x25519_public(secret_, point_);
}

bool Masks::take(size_t first, const uint8_t* points, size_t count, uint32_t run) {
  if (count > kPeers || first + count > neighbours()) return false;
  uint8_t seeds[kPeers][kMaskKeySize], shared[kKeySize] = {};
  uint16_t smaller = 0;
  bool good = true;
  for (size_t i = 0; i < count; ++i, points += kKeySize) {
    const int order = std::memcmp(points, point_, kKeySize);
    good = good && order != 0 && x25519(secret_, points, shared);
    smaller = static_cast<uint16_t>(smaller | (order < 0 ? 1u : 0u) << i);
    Blake2b(kMaskKeySize, shared, sizeof shared)
        .add("bytefed masks", 13)
        .add(&run, sizeof run)
        .finish(seeds[i]);
  }
  if (good) {
    const uint16_t taken = static_cast<uint16_t>(((1u << count) - 1) << first);
    std::memcpy(seeds_[first], seeds, kMaskKeySize * count);
    known_ = static_cast<uint16_t>(known_ | taken);
    smaller_ = static_cast<uint16_t>((smaller_ & ~taken) | smaller << first);
  }
  wipe(seeds, sizeof seeds);
  wipe(shared, sizeof shared);
  return good;
}

void Masks::forget() {
  plan_ = {};
  known_ = smaller_ = used_ = survivors_ = 0;
  told_ = false;
  wipe(secret_, sizeof secret_);
  wipe(seeds_, sizeof seeds_);
  wipe(context_, sizeof context_);
  wipe(own_, sizeof own_);
}

void Masks::open(uint16_t round, bool statistics, float step, Config config, const NoisePlan& share,
                 const float* head, size_t count) {
  constexpr size_t kSetup = sizeof(plan_.setup);  // boards that were set up anew have another number
  uint8_t plan[Mask::kSize], training[Config::kSize];
  const uint8_t asked = statistics ? 1 : 0;
  config.seed = 0;
  pack(plan_, plan);
  pack(config, training);
  const uint8_t grid = static_cast<uint8_t>(share.clipping.grid | kWhole);
  Blake2b(sizeof context_)
      .add(&round, sizeof round)
      .add(&asked, sizeof asked)
      .add(plan + kSetup, sizeof plan - kSetup)
      .add(&share.cost, share.cost != 0 ? sizeof share.cost : 0)
      .add(&grid, share.cost != 0 ? sizeof grid : 0)
      .add(&step, sizeof step)
      .add(training, sizeof training)
      .add(head, sizeof(float) * count)
      .finish(context_);
}

void Masks::make_key(size_t neighbour, uint8_t key[kMaskKeySize]) const {
  Blake2b(kMaskKeySize, seeds_[neighbour], kMaskKeySize).add(context_, sizeof context_).finish(key);
}

void Masks::hide(uint16_t round, const uint8_t own[kMaskKeySize], const SumLayout& layout, uint8_t* blob) {
  used_ = round;
  told_ = false;
  std::memcpy(own_, own, kMaskKeySize);
  add_mask(own_, false, layout, blob);
  for (size_t i = 0; i < neighbours(); ++i) {
    uint8_t key[kMaskKeySize];
    make_key(i, key);
    add_mask(key, (smaller_ >> i & 1u) != 0, layout, blob);
    wipe(key, sizeof key);
  }
}

Status Masks::check(uint16_t survivors) const {
  if ((survivors & ~all()) != 0) return Status::kBadValue;
  if (ones(survivors) + 1 < plan_.min_sum) return Status::kTooFew;
  return told_ && survivors != survivors_ ? Status::kMasksUsed : Status::kOk;
}

size_t Masks::keys(uint16_t survivors) const {
  return 1 + neighbours() - ones(survivors);
}

void Masks::tell(uint16_t survivors, uint8_t* keys) {
  told_ = true;
  survivors_ = survivors;
  std::memcpy(keys, own_, kMaskKeySize);
  for (size_t i = 0; i < neighbours(); ++i) {
    if ((survivors >> i & 1u) == 0) make_key(i, keys += kMaskKeySize);
  }
}

}  // namespace bytefed
