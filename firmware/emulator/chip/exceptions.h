// Entry into and return from exceptions, which Unicorn leaves to its user.
// ARMv7-M Architecture Reference Manual, B1.5.6 "Exception entry behavior" and B1.5.8 "Exception return
// behavior".
#pragma once
#include <cstdint>

namespace emulator {

class Chip;

// Stacks a frame and starts the handler. False if the stack is not in memory.
bool enter_exception(Chip& chip, int exception);

// Unstacks the frame that `exception_return` names. False if the stack is not in memory, or the frame makes
// no sense.
bool return_from_exception(Chip& chip, uint32_t exception_return);

// Starts the handler of what just went wrong in the code, or that of HardFault if its own may not run
// (B1.5.14 "Fault behavior"). False: none may, which is a lockup.
bool enter_fault(Chip& chip);
// The same for a supervisor call that is not urgent enough to be made.
bool enter_refused_call(Chip& chip);

}  // namespace emulator
