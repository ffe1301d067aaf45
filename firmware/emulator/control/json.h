// The JSON of the control channel: one flat object a line, of strings, numbers and truth values.
#pragma once
#include <map>
#include <optional>
#include <string>

namespace emulator {

class Command {
 public:
  // Nothing if the line is not such an object.
  static std::optional<Command> parse(const std::string& line);

  std::string text(const std::string& name, const std::string& otherwise = "") const;
  std::optional<unsigned long long> number(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

std::string quoted(const std::string& text);

}  // namespace emulator
