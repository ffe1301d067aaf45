#include "chip/fault.h"

#include <cstdio>

#include "chip/chip.h"

namespace emulator {
namespace {

constexpr uint32_t kStackSearched = 2048;
constexpr size_t kCallers = 16;

std::string hex(uint32_t value) {
  char text[12];
  snprintf(text, sizeof text, "%08x", value);
  return text;
}

// True if the instruction before a return address is a call: BL (four bytes) or BLX (two).
bool follows_call(Memory& memory, uint32_t address) {
  if (!(address & 1) || address < 4 || address >= kFlashSize) return false;
  const auto half = [&](uint32_t at) { return memory.word(at & ~3u) >> 8 * (at & 2) & 0xFFFF; };
  const uint32_t at = address & ~1u;
  const bool bl = (half(at - 4) & 0xF800) == 0xF000 && (half(at - 2) & 0xD000) == 0xD000;
  const bool blx = (half(at - 2) & 0xFF87) == 0x4780;
  return bl || blx;
}

std::vector<uint32_t> find_callers(Chip& chip) {
  std::vector<uint32_t> callers;
  const uint32_t sp = chip.cpu.get(Register::kSp);
  for (uint32_t offset = 0; offset < kStackSearched && callers.size() < kCallers; offset += 4) {
    if (!chip.memory.ram_bytes(sp + offset, 4)) break;
    const uint32_t word = chip.memory.word(sp + offset);
    if (follows_call(chip.memory, word)) callers.push_back(word & ~1u);
  }
  return callers;
}

std::string list(const std::vector<uint32_t>& addresses, const Describe& describe) {
  std::string text;
  for (const uint32_t address : addresses) text += (text.empty() ? "\"" : ", \"") + describe(address) + "\"";
  return "[" + text + "]";
}

constexpr const char* kNames[17] = {"r0", "r1",  "r2",  "r3",  "r4", "r5", "r6", "r7",  "r8",
                                    "r9", "r10", "r11", "r12", "sp", "lr", "pc", "xpsr"};

}  // namespace

Fault describe_fault(Chip& chip, const std::string& what, uint32_t address) {
  Fault fault{};
  fault.what = what;
  fault.address = address;
  fault.time = chip.events.now();
  for (int i = 0; i < 17; ++i) fault.registers[i] = chip.cpu.get(static_cast<Register>(i));
  fault.pc = fault.registers[15] & ~1u;
  fault.exception = static_cast<int>(chip.cpu.get(Register::kIpsr) & 0x1FF);
  fault.callers = find_callers(chip);
  fault.trail = chip.cpu.trail();
  return fault;
}

std::string in_words(const Fault& fault, const Describe& describe) {
  char when[32];
  snprintf(when, sizeof when, "%.6f", static_cast<double>(fault.time) / kCyclesPerSecond);
  std::string text =
      "The image went wrong after " + std::string(when) + " s: " + fault.what + ", address " +
      hex(fault.address) + ".\n  at " + describe(fault.pc) +
      (fault.exception ? ", in exception " + std::to_string(fault.exception) : ", in a thread") + "\n";
  for (int i = 0; i < 17; ++i) {
    text += std::string(i % 6 ? "  " : i ? "\n  " : "  ") + kNames[i] + " " + hex(fault.registers[i]);
  }
  text += "\n  return addresses on the stack:\n";
  for (const uint32_t caller : fault.callers) text += "    " + describe(caller) + "\n";
  text += "  executed last:\n";
  for (size_t i = 0; i < fault.trail.size() && i < 12; ++i) text += "    " + describe(fault.trail[i]) + "\n";
  return text;
}

std::string as_json(const Fault& fault, const Describe& describe) {
  std::string registers;
  for (int i = 0; i < 17; ++i) {
    registers += std::string(i ? ", " : "") + "\"" + kNames[i] + "\": \"" + hex(fault.registers[i]) + "\"";
  }
  char seconds[32];
  snprintf(seconds, sizeof seconds, "%.6f", static_cast<double>(fault.time) / kCyclesPerSecond);
  return "{\"event\": \"fault\", \"what\": \"" + fault.what + "\", \"address\": \"" + hex(fault.address) +
         "\", \"at\": \"" + describe(fault.pc) + "\", \"exception\": " + std::to_string(fault.exception) +
         ", \"seconds\": " + seconds + ", \"registers\": {" + registers +
         "}, \"callers\": " + list(fault.callers, describe) + ", \"trail\": " + list(fault.trail, describe) +
         "}";
}

}  // namespace emulator
