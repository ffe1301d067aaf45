// Several chips in one virtual time, and that time beside the wall clock's.
#pragma once
#include <functional>
#include <utility>
#include <vector>

#include "chip/chip.h"

namespace emulator {

enum class Speed { kReal, kFast };

// Until when nothing that a chip does can reach another one, provided that it does nothing before `from`.
using Silence = std::function<Cycles(Cycles from)>;

class World {
 public:
  explicit World(Speed speed) : speed_(speed) {}
  // A chip without a Silence reaches no other.
  void add(Chip& chip, Silence silence = nullptr) { members_.push_back({&chip, std::move(silence)}); }

  // Lets every chip work for about a millisecond of virtual time, or until one went wrong.
  void advance();

  // The seconds by which virtual time is ahead of the wall clock: the pause before the next advance(). Never
  // more than 0 if fast.
  double ahead();

  const Chip* failed() const;

 private:
  struct Member {
    Chip* chip;
    Silence silence;
  };
  Member& farthest_behind();
  Cycles horizon(const Member& member) const;

  std::vector<Member> members_;
  Speed speed_;
  Cycles time_ = 0;
  bool started_ = false;
  double wall_start_ = 0;
  Cycles virtual_start_ = 0;
};

}  // namespace emulator
