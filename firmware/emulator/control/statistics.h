// What a board has done so far, as one JSON object.
#pragma once
#include <string>

#include "board/board.h"

namespace emulator {

std::string statistics(Board& board);

}  // namespace emulator
