// Reads the golden vectors of tests/vectors: lines of fields between blanks, `#` begins a comment.
#pragma once
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "check.h"

namespace vectors {

using Fields = std::vector<std::string>;

inline std::vector<Fields> read(const std::string& name) {
  std::ifstream file(std::string(BYTEFED_VECTORS) + "/" + name);
  if (!file) throw std::runtime_error("no vectors " + name);
  std::vector<Fields> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    Fields fields;
    for (std::string word; words >> word;) fields.push_back(word);
    lines.push_back(fields);
  }
  if (lines.empty()) throw std::runtime_error("no vectors in " + name);
  return lines;
}

inline check::Bytes bytes(const std::string& hex) {
  check::Bytes out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

inline float float_of(const std::string& bits) {
  const uint32_t value = static_cast<uint32_t>(std::stoul(bits));
  float out;
  std::memcpy(&out, &value, sizeof out);
  return out;
}

}  // namespace vectors
