#include "world/world.h"

#include <algorithm>
#include <chrono>

namespace emulator {
namespace {

constexpr Cycles kSlice = milliseconds(1);
// An emulator that fell further behind than this (a busy machine, a laptop that slept) does not hurry to
// catch up.
constexpr double kForgiven = 0.25;

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void World::advance() {
  const Cycles end = time_ + kSlice;
  for (;;) {
    Member& member = farthest_behind();
    if (member.chip->events.now() >= end) break;
    member.chip->run_until(std::min(end, horizon(member)));
    if (member.chip->fault()) return;
  }
  time_ = end;
}

World::Member& World::farthest_behind() {
  return *std::min_element(members_.begin(), members_.end(), [](const Member& one, const Member& other) {
    return one.chip->events.now() < other.chip->events.now();
  });
}

// The time up to which a chip may go before it has to know what the others have done: never less than where
// the others are, and far beyond while they sleep.
Cycles World::horizon(const Member& member) const {
  Cycles horizon = kNever;
  for (const Member& other : members_) {
    if (&other == &member || !other.silence) continue;
    horizon = std::min(horizon, other.silence(other.chip->acts_from()));
  }
  return horizon;
}

double World::ahead() {
  if (speed_ == Speed::kFast) return 0;
  const double wall = wall_seconds();
  if (!started_) {
    started_ = true;
    wall_start_ = wall;
    virtual_start_ = time_;
  }
  const double lead = static_cast<double>(time_ - virtual_start_) / kCyclesPerSecond - (wall - wall_start_);
  if (lead < -kForgiven) {
    wall_start_ = wall;
    virtual_start_ = time_;
  }
  return lead;
}

const Chip* World::failed() const {
  for (const Member& member : members_) {
    if (member.chip->fault()) return member.chip;
  }
  return nullptr;
}

}  // namespace emulator
