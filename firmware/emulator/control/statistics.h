// The work that a board has done so far, as one JSON object.
#pragma once
#include <string>

#include "air/traffic.h"
#include "board/board.h"

namespace emulator {

std::string statistics(Board& board);
// The packets that were in the air, by their purpose.
std::string statistics(const Traffic& traffic);

}  // namespace emulator
