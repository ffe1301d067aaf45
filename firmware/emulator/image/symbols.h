// The names of an image's functions and variables.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace emulator {

class Symbols {
 public:
  void add(const std::string& name, uint32_t address, uint32_t size, bool is_function);
  bool empty() const { return by_name_.empty(); }

  struct Symbol {
    uint32_t address;
    uint32_t size;
  };
  const std::map<std::string, Symbol>& all() const { return by_name_; }
  std::optional<Symbol> find(const std::string& name) const;

  // An address as "00026f1e function+1e"; without a function that is known, as its digits alone.
  std::string describe(uint32_t address) const;

 private:
  std::map<std::string, Symbol> by_name_;
  std::map<uint32_t, std::string> functions_;
};

}  // namespace emulator
