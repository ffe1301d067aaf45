// The command line.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "board/board.h"
#include "world/world.h"

namespace emulator {

struct Arguments {
  std::vector<BoardSettings> boards;
  Speed speed = Speed::kReal;
  bool air = false;       // the chips hear each other
  double air_loss = 0;    // share of packets that a receiver loses
  uint64_t air_seed = 0;  // of which they are
  double seconds = 0;     // of virtual time after which to end; 0: never
};

class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Raises UsageError.
Arguments parse_arguments(const std::vector<std::string>& words);

}  // namespace emulator
