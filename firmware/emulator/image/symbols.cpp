#include "image/symbols.h"

#include <cstdio>

namespace emulator {

void Symbols::add(const std::string& name, uint32_t address, uint32_t size, bool is_function) {
  if (is_function) {
    address &= ~1u;  // the bit that says Thumb
    functions_[address] = name;
  }
  by_name_[name] = {address, size};
}

std::optional<Symbols::Symbol> Symbols::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

std::string Symbols::describe(uint32_t address) const {
  char digits[12];
  snprintf(digits, sizeof digits, "%08x", address);
  auto after = functions_.upper_bound(address & ~1u);
  if (after == functions_.begin()) return digits;
  --after;
  char offset[12];
  snprintf(offset, sizeof offset, "+%x", (address & ~1u) - after->first);
  return std::string(digits) + " " + after->second + offset;
}

}  // namespace emulator
