#include "control/watermarks.h"

#include <cxxabi.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <vector>

#include "control/json.h"

namespace emulator {
namespace {

struct Watermark {
  std::string name;
  uint32_t used;  // bytes, the most so far
  uint32_t size;
};

constexpr uint32_t kSmallest = 64;  // bytes of what can be a stack

// The last part of a name as people write it: "stack" of "_ZN12_GLOBAL__N_15stackE".
std::string plain(const std::string& name) {
  int status = 0;
  char* demangled = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  const std::string text = status == 0 && demangled ? demangled : name;
  free(demangled);
  const size_t colon = text.rfind("::");
  return colon == std::string::npos ? text : text.substr(colon + 2);
}

bool speaks_of_stack(const std::string& name) {
  return name.find("stack") != std::string::npos || name.find("Stack") != std::string::npos;
}

bool ends_in_stack(const std::string& name) {
  return name.size() >= 5 && name.compare(name.size() - 4, 4, "tack") == 0;
}

// The lowest word is left out: RTX marks the end of a stack with it.
uint32_t used(Memory& memory, uint32_t address, uint32_t size) {
  const uint32_t fill = memory.word(address + 4);
  uint32_t offset = 4;
  while (offset < size) {
    const uint32_t word = memory.word(address + offset);
    if (word != fill && word != memory.first_word(address + offset)) break;
    offset += 4;
  }
  return size - std::min(offset, size);
}

std::optional<uint32_t> value_of(Board& board, const char* name) {
  const auto symbol = board.symbols().find(name);
  if (!symbol) return std::nullopt;
  return board.chip().memory.word(symbol->address);
}

std::optional<uint32_t> address_of(Board& board, const char* name) {
  const auto symbol = board.symbols().find(name);
  if (!symbol) return std::nullopt;
  return symbol->address;
}

std::vector<Watermark> stacks_of(Board& board) {
  Memory& memory = board.chip().memory;
  std::vector<Watermark> found;
  for (const auto& [name, symbol] : board.symbols().all()) {
    if (symbol.size < kSmallest || symbol.size % 4 || symbol.address % 4 || !speaks_of_stack(name)) continue;
    const std::string said = plain(name);
    if (!ends_in_stack(said) || !memory.ram_bytes(symbol.address, symbol.size)) continue;
    found.push_back({said, used(memory, symbol.address, symbol.size), symbol.size});
  }
  const auto limit = address_of(board, "__StackLimit");
  const auto top = address_of(board, "__StackTop");
  if (board.settings().bootloader.empty() && limit && top && *limit % 4 == 0 && *top > *limit + kSmallest &&
      memory.ram_bytes(*limit, *top - *limit)) {
    found.push_back({"isr_stack", used(memory, *limit, *top - *limit), *top - *limit});
  }
  return found;
}

std::optional<Watermark> heap_of(Board& board) {
  // Adafruit's core, then Mbed's.
  if (const auto end = value_of(board, "_ZL13sbrk_heap_top")) {
    const auto start = address_of(board, "__HeapBase");
    const auto limit = address_of(board, "__HeapLimit");
    if (start && limit && *start <= *end && *end <= *limit)
      return Watermark{"heap", *end - *start, *limit - *start};
  }
  if (const auto end = value_of(board, "_ZZ5_sbrkE4heap")) {
    const auto start = value_of(board, "mbed_heap_start");
    const auto size = value_of(board, "mbed_heap_size");
    if (start && size && *start <= *end && *end - *start <= *size)
      return Watermark{"heap", *end - *start, *size};
  }
  return std::nullopt;
}

std::string as_json(const Watermark& mark) {
  return "{\"name\": " + quoted(mark.name) + ", \"used\": " + std::to_string(mark.used) +
         ", \"size\": " + std::to_string(mark.size) + "}";
}

}  // namespace

std::string watermarks(Board& board) {
  std::string stacks;
  for (const Watermark& stack : stacks_of(board)) stacks += (stacks.empty() ? "" : ", ") + as_json(stack);
  const auto heap = heap_of(board);
  return "\"stacks\": [" + stacks + "], \"heap\": " + (heap ? as_json(*heap) : "null");
}

}  // namespace emulator
