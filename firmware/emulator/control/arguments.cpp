#include "control/arguments.h"

namespace emulator {
namespace {

uint64_t number(const std::string& option, const std::string& text, int base) {
  size_t used = 0;
  uint64_t value = 0;
  try {
    value = std::stoull(text, &used, base);
  } catch (const std::exception&) {
    used = 0;
  }
  if (text.empty() || used != text.size()) throw UsageError(option + " wants a number, not \"" + text + "\"");
  return value;
}

bool handles_faults(const std::string& value) {
  if (value != "stop" && value != "handle") throw UsageError("--faults is stop or handle");
  return value == "handle";
}

// An option of one chip: those after --image belong to that chip. False if it is no such option.
bool set(BoardSettings& board, const std::string& option, const std::string& value) {
  if (option == "--bootloader")
    board.bootloader = value;
  else if (option == "--state")
    board.chip.state_path = value;
  else if (option == "--uid")
    board.chip.uid = number(option, value, 16);
  else if (option == "--seed")
    board.chip.seed = number(option, value, 10);
  else if (option == "--usb")
    board.usb = value;
  else if (option == "--sensor")
    board.sensors.push_back(value);
  else if (option == "--faults")
    board.chip.handles_faults = handles_faults(value);
  else if (option == "--hci")
    board.hci = value;
  else
    return false;
  return true;
}

double share(const std::string& option, const std::string& text) {
  size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used != text.size() || !(value >= 0 && value <= 1)) {
    throw UsageError(option + " wants a share from 0 to 1, not \"" + text + "\"");
  }
  return value;
}

void set_speed(Arguments& arguments, const std::string& value) {
  if (value != "real" && value != "fast") throw UsageError("--speed is real or fast");
  arguments.speed = value == "fast" ? Speed::kFast : Speed::kReal;
}

}  // namespace

Arguments parse_arguments(const std::vector<std::string>& words) {
  Arguments arguments;
  bool verbose = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& option = words[i];
    if (option == "--verbose" || option == "--air") {
      (option == "--air" ? arguments.air : verbose) = true;
      continue;
    }
    if (++i == words.size()) throw UsageError(option + " wants a value");
    const std::string& value = words[i];
    if (option == "--image") {
      arguments.boards.emplace_back();
      arguments.boards.back().image = value;
    } else if (option == "--speed") {
      set_speed(arguments, value);
    } else if (option == "--air-loss") {
      arguments.air_loss = share(option, value);
    } else if (option == "--air-seed") {
      arguments.air_seed = number(option, value, 10);
    } else if (option == "--seconds") {
      arguments.seconds = static_cast<double>(number(option, value, 10));
    } else if (arguments.boards.empty() || !set(arguments.boards.back(), option, value)) {
      throw UsageError(option + " is not an option here");
    }
  }
  if (arguments.boards.empty()) throw UsageError("--image is missing");
  for (BoardSettings& board : arguments.boards) board.chip.verbose = verbose;
  return arguments;
}

}  // namespace emulator
