// The masks of a secure sum (SPEC 11): a board shares a seed with each neighbour, and with nobody else a key
// for each round. What it adds for one neighbour the neighbour subtracts.
#pragma once
#include "bytefed/protocol/message.h"
#include "bytefed/seal/primitives.h"
#include "bytefed/secure_sum/sum_codec.h"

namespace bytefed {

constexpr size_t kMaskKeySize = 16;
constexpr size_t kMostNeighbours = 14;
constexpr size_t kContextSize = 32;

// Adds a key's mask to a blob, or subtracts it.
void add_mask(const uint8_t key[kMaskKeySize], bool subtract, const SumLayout& layout, uint8_t* blob);

class Masks {
 public:
  Masks() = default;
  Masks(const Masks&) = delete;
  Masks& operator=(const Masks&) = delete;
  ~Masks() { forget(); }

  // ---- Setup: all of it is forgotten with the run

  const Mask& plan() const { return plan_; }
  bool begun() const { return plan_.boards != 0; }
  bool ready() const;                      // whether it has the seed of each neighbour
  bool is_set_up(const Mask& plan) const;  // whether begin() came with it
  // Whether its numbers are in their ranges.
  static bool valid(const Mask& plan);
  // Begins with a valid plan; the secret is one that nobody can guess.
  void begin(const Mask& plan, const uint8_t secret[kKeySize]);
  const uint8_t* point() const { return point_; }
  // Takes the points of neighbours, up to kPeers, from place `first` on. False, with nothing changed, if one
  // is out of its range.
  static constexpr size_t kPeers = 7;
  bool take(size_t first, const uint8_t* points, size_t count, uint32_t run);
  void forget();

  // ---- A round

  // The last round of which this setup has hidden a blob; 0 for none.
  uint16_t used() const { return used_; }
  // Takes the digest of all that the boards of a round have in common: their masks cancel only then.
  // `share` is the noise of which each board makes a share; one without a price for none.
  void open(uint16_t round, bool statistics, float step, Config config, const NoisePlan& share,
            const float* head, size_t count);
  // Hides the blob of the opened round, once. The own key is random.
  void hide(uint16_t round, const uint8_t own[kMaskKeySize], const SumLayout& layout, uint8_t* blob);
  // Whether the keys for these survivors among the neighbours may be told, of the blob hidden last.
  Status check(uint16_t survivors) const;
  // Number of keys that are told of: the own one, and one for each neighbour that did not survive.
  size_t keys(uint16_t survivors) const;
  // Writes them, and tells them for no other survivors from now on. check() was kOk.
  void tell(uint16_t survivors, uint8_t* keys);

 private:
  size_t neighbours() const;
  uint16_t all() const;
  void make_key(size_t neighbour, uint8_t key[kMaskKeySize]) const;

  Mask plan_ = {};
  uint16_t known_ = 0;    // bit i: the seed of neighbour i is there
  uint16_t smaller_ = 0;  // bit i: its point is the smaller one, so this board subtracts
  uint16_t used_ = 0;
  uint16_t survivors_ = 0;  // of which keys were told
  bool told_ = false;
  uint8_t secret_[kKeySize] = {};
  uint8_t point_[kKeySize] = {};
  uint8_t seeds_[kMostNeighbours][kMaskKeySize] = {};
  uint8_t context_[kContextSize] = {};
  uint8_t own_[kMaskKeySize] = {};
};

}  // namespace bytefed
