#include "control/control.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>

#include "control/statistics.h"
#include "peripherals/gpio.h"
#include "peripherals/nvmc.h"

namespace emulator {
namespace {

constexpr unsigned long long kMillion = 1'000'000;
const char* const kOk = "{\"ok\": true}";

std::string wrong(const std::string& what) {
  return "{\"ok\": false, \"what\": " + quoted(what) + "}";
}

}  // namespace

bool Control::poll() {
  pollfd in{STDIN_FILENO, POLLIN, 0};
  while (::poll(&in, 1, 0) > 0) {
    char bytes[1024];
    const ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
    if (size <= 0) return false;
    received_.append(bytes, static_cast<size_t>(size));
  }
  for (size_t end; (end = received_.find('\n')) != std::string::npos; received_.erase(0, end + 1)) {
    printf("%s\n", answer(received_.substr(0, end)).c_str());
    fflush(stdout);
  }
  return true;
}

std::string Control::answer(const std::string& line) {
  const auto command = Command::parse(line);
  if (!command) return wrong("a command is one JSON object a line, such as {\"do\": \"statistics\"}");
  const auto index = command->number("chip").value_or(0);
  if (index >= boards_.size())
    return wrong("there are " + std::to_string(boards_.size()) + " chips, counted from 0");
  Board& board = *boards_[index];
  const std::string what = command->text("do");
  if (what == "reset") return reset(board, *command);
  if (what == "power-cut") return cut_power(board, *command);
  if (what == "statistics") return statistics(board);
  if (what == "read") return read_memory(board, *command);
  if (what == "air") return statistics(air_.traffic());
  if (what == "lose") return lose(*command);
  if (what == "stop-reading" || what == "read-again") {
    if (board.cdc()) board.cdc()->set_reading(what == "read-again");
    return kOk;
  }
  if (what == "pin") {
    const auto pin = command->number("pin");
    if (!pin || *pin >= 48) return wrong("\"pin\" is a number from 0 to 47");
    board.peripherals().gpio.set_input(static_cast<int>(*pin), command->text("level") != "low");
    return kOk;
  }
  return wrong(
      "\"do\" is one of reset, power-cut, statistics, read, air, lose, stop-reading, read-again, pin");
}

std::string Control::reset(Board& board, const Command& command) {
  const std::string kind = command.text("kind", "pin");
  if (kind != "pin" && kind != "watchdog" && kind != "software") {
    return wrong("\"kind\" of a reset is pin, watchdog or software");
  }
  const Reset reset = kind == "pin" ? Reset::kPin : kind == "watchdog" ? Reset::kWatchdog : Reset::kSoftware;
  if (const auto instruction = command.number("at_instruction")) {
    board.chip().reset_after_work(reset, *instruction);
  } else {
    board.chip().request_reset(reset);
  }
  return kOk;
}

std::string Control::read_memory(Board& board, const Command& command) {
  const auto address = command.number("address"), size = command.number("size");
  const uint8_t* bytes = nullptr;
  if (address && size && *address <= ~0u && *size <= kRamSize) {
    bytes = board.chip().memory.bytes(static_cast<uint32_t>(*address), static_cast<uint32_t>(*size));
  }
  if (!bytes) return wrong("\"address\" and \"size\" name bytes of flash or RAM, 262144 at most");
  std::string text;
  for (size_t i = 0; i < *size; ++i) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return "{\"ok\": true, \"bytes\": \"" + text + "\"}";
}

std::string Control::cut_power(Board& board, const Command& command) {
  if (const auto word = command.number("at_flash_word")) {
    board.peripherals().nvmc.cut_power_after(*word);
  } else if (const auto instruction = command.number("at_instruction")) {
    board.chip().reset_after_work(Reset::kPowerOn, *instruction);
  } else {
    board.chip().request_reset(Reset::kPowerOn);
  }
  return kOk;
}

std::string Control::lose(const Command& command) {
  const auto packets = command.number("packets_per_million");
  if (!packets || *packets > kMillion) return wrong("\"packets_per_million\" is a number from 0 to 1000000");
  air_.set_loss(static_cast<double>(*packets) / kMillion);
  if (const auto seed = command.number("seed")) air_.set_seed(*seed);
  return kOk;
}

}  // namespace emulator
