// The most memory that an image has used since power came on: of its stacks, found by their names, and of its
// heap.
#pragma once
#include <string>

#include "board/board.h"

namespace emulator {

// Two members of a JSON object: "stacks", each with "name", "used" and "size" in bytes, and "heap", null
// where the image's sbrk is not known.
//
// Stacks are arrays whose names end in "stack", and the linker's stack of interrupts where no bootloader has
// used it before. The lowest words of a stack are what it was filled with, until something is pushed there.
// The heap is what malloc has asked the system for, which it never gives back.
std::string watermarks(Board& board);

}  // namespace emulator
