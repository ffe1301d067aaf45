#include "control/json.h"

#include <cctype>
#include <cstdio>

namespace emulator {
namespace {

class Reader {
 public:
  explicit Reader(const std::string& line) : line_(line) {}

  bool take(char wanted) {
    skip_space();
    if (at_ >= line_.size() || line_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool take_string(std::string* text) {
    if (!take('"')) return false;
    text->clear();
    while (at_ < line_.size() && line_[at_] != '"') {
      if (line_[at_] == '\\' && ++at_ >= line_.size()) return false;
      text->push_back(line_[at_++]);
    }
    return take('"');
  }

  bool take_word(std::string* text) {  // a number, or true and false
    skip_space();
    text->clear();
    while (at_ < line_.size() &&
           (isalnum(static_cast<unsigned char>(line_[at_])) || line_[at_] == '.' || line_[at_] == '-')) {
      text->push_back(line_[at_++]);
    }
    return !text->empty();
  }

  bool at_end() {
    skip_space();
    return at_ == line_.size();
  }

 private:
  void skip_space() {
    while (at_ < line_.size() && isspace(static_cast<unsigned char>(line_[at_]))) ++at_;
  }

  const std::string& line_;
  size_t at_ = 0;
};

}  // namespace

std::optional<Command> Command::parse(const std::string& line) {
  Command command;
  Reader reader(line);
  if (!reader.take('{')) return std::nullopt;
  do {
    std::string name;
    std::string value;
    if (!reader.take_string(&name) || !reader.take(':')) return std::nullopt;
    if (!reader.take_string(&value) && !reader.take_word(&value)) return std::nullopt;
    command.values_[name] = value;
  } while (reader.take(','));
  if (!reader.take('}') || !reader.at_end()) return std::nullopt;
  return command;
}

std::string Command::text(const std::string& name, const std::string& otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : found->second;
}

std::optional<unsigned long long> Command::number(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return std::nullopt;
  for (const char digit : found->second) {
    if (!isdigit(static_cast<unsigned char>(digit))) return std::nullopt;
  }
  return found->second.size() > 18 ? std::nullopt : std::optional(std::stoull(found->second));
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') out += '\\';
    if (static_cast<unsigned char>(character) < 0x20) {
      char escape[8];
      snprintf(escape, sizeof escape, "\\u%04x", character);
      out += escape;
    } else {
      out += character;
    }
  }
  return out + "\"";
}

}  // namespace emulator
