// Several chips in one virtual time, and that time beside the wall clock's.
#pragma once
#include <functional>
#include <vector>

#include "chip/chip.h"

namespace emulator {

enum class Speed { kReal, kFast };

class World {
 public:
  explicit World(Speed speed) : speed_(speed) {}
  void add(Chip& chip) { chips_.push_back(&chip); }

  // How far one chip may run ahead of another: the air asks for little while radios are on.
  void set_lookahead(std::function<Cycles()> lookahead) { lookahead_ = std::move(lookahead); }

  // Lets every chip work for about a millisecond of virtual time, or until one went wrong.
  void advance();

  // How many seconds virtual time is ahead of the wall clock: what to wait before the next advance(). Never
  // more than 0 if fast.
  double ahead();

  const Chip* failed() const;

 private:
  std::vector<Chip*> chips_;
  Speed speed_;
  std::function<Cycles()> lookahead_;
  Cycles time_ = 0;
  bool started_ = false;
  double wall_start_ = 0;
  Cycles virtual_start_ = 0;
};

}  // namespace emulator
