// The command line.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "board/board.h"
#include "world/world.h"

namespace emulator {

struct Arguments {
  std::vector<BoardSettings> boards;
  Speed speed = Speed::kReal;
  double seconds = 0;  // of virtual time after which to end; 0: never
};

class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Raises UsageError.
Arguments parse_arguments(const std::vector<std::string>& words);

}  // namespace emulator
