#include "sensors/recording.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace emulator {
namespace {

constexpr const char* kHeading = "ax,ay,az,gx,gy,gz";
constexpr size_t kMostRows = 10'000'000;
constexpr double kHighestRate = 10'000;

[[noreturn]] void refuse(const std::string& path, size_t line, const std::string& what) {
  throw std::runtime_error("the recording " + path + ", line " + std::to_string(line) + ": " + what);
}

double read_number(const std::string& text, const std::string& path, size_t line) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  while (*end == ' ' || *end == '\t') ++end;
  if (end == text.c_str() || *end != 0 || !std::isfinite(value))
    refuse(path, line, "'" + text + "' is not a number");
  return value;
}

Motion read_row(const std::string& text, const std::string& path, size_t line) {
  Motion row{};
  std::istringstream cells(text);
  std::string cell;
  size_t count = 0;
  while (std::getline(cells, cell, ',')) {
    if (count == row.size()) refuse(path, line, "more than six values");
    row[count++] = read_number(cell, path, line);
  }
  if (count != row.size()) refuse(path, line, "six values are wanted, here are " + std::to_string(count));
  return row;
}

}  // namespace

Recording Recording::read(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("the recording " + path + " can't be read");
  Recording recording;
  recording.rows_.clear();
  recording.hertz_ = 0;
  bool headed = false;
  std::string text;
  for (size_t line = 1; std::getline(file, text); ++line) {
    if (!text.empty() && text.back() == '\r') text.pop_back();
    if (text.empty()) continue;
    if (text.rfind("# hertz:", 0) == 0) {
      recording.hertz_ = read_number(text.substr(8), path, line);
      if (recording.hertz_ <= 0 || recording.hertz_ > kHighestRate)
        refuse(path, line, "a rate from 0 to 10000 is wanted");
    } else if (text[0] == '#') {
      continue;
    } else if (!headed) {
      if (text != kHeading) refuse(path, line, std::string("the heading ") + kHeading + " is missing");
      headed = true;
    } else {
      if (recording.rows_.size() == kMostRows) refuse(path, line, "more than ten million rows");
      recording.rows_.push_back(read_row(text, path, line));
    }
  }
  if (recording.hertz_ == 0) refuse(path, 1, "a comment must give the rate, such as # hertz: 50");
  if (recording.rows_.empty()) refuse(path, 1, "there are no rows");
  return recording;
}

const Motion& Recording::at(Cycles time) const {
  const auto row = static_cast<uint64_t>(static_cast<double>(time) / kCyclesPerSecond * hertz_);
  return rows_[row % rows_.size()];
}

}  // namespace emulator
