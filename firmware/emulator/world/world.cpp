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
  while (time_ < end) {
    const Cycles quantum = chips_.size() > 1 && lookahead_ ? std::min(lookahead_(), kSlice) : kSlice;
    time_ = std::min(time_ + quantum, end);
    for (Chip* chip : chips_) {
      chip->run_until(time_);
      if (chip->fault()) return;
    }
  }
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
  for (const Chip* chip : chips_) {
    if (chip->fault()) return chip;
  }
  return nullptr;
}

}  // namespace emulator
