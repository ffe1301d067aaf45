// The report on an image that went wrong: where, with registers and the calls that led there.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "chip/time.h"

namespace emulator {

class Chip;

struct Fault {
  std::string what;  // in plain words
  uint32_t address;  // that it concerns
  uint32_t pc;
  int exception;  // that was being handled, 0 in a thread
  Cycles time;
  uint32_t registers[17];         // R0 to R12, SP, LR, PC, xPSR
  std::vector<uint32_t> callers;  // return addresses found on the stack, innermost first
  std::vector<uint32_t> trail;    // blocks of code executed last, newest first
};

using Describe = std::function<std::string(uint32_t)>;  // an address as "00026f1e function+1e"

Fault describe_fault(Chip& chip, const std::string& what, uint32_t address);
std::string in_words(const Fault& fault, const Describe& describe);
std::string as_json(const Fault& fault, const Describe& describe);

}  // namespace emulator
