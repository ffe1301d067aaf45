// bytefed-nrf52840: runs the images that boards run, on emulated chips.
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include "air/air.h"
#include "board/board.h"
#include "control/arguments.h"
#include "control/control.h"
#include "peripherals/radio/radio.h"
#include "world/world.h"

namespace {

using emulator::Arguments;
using emulator::Board;

constexpr int kEnded = 0;
constexpr int kUsage = 2;
constexpr int kFault = 3;     // the image went wrong
constexpr int kBadImage = 4;  // the image can't run here

constexpr const char* kHelp =
    "bytefed-nrf52840 [--speed real|fast] [--seconds N] [--air] [--air-loss SHARE] [--air-seed N] "
    "[--verbose] CHIP [CHIP ...]\n"
    "  CHIP: --image FILE.elf|FILE.hex [--bootloader HEX] [--state FILE] [--uid HEX] [--seed N] [--usb "
    "SOCKET]\n"
    "        [--sensor NAME[:RECORDING]] [--faults stop|handle]\n"
    "        [--hci SOCKET]\n"
    "  SOCKET: a path for a Unix socket, tcp:PORT, or fd:N\n"
    "Commands are lines of JSON on stdin; its end ends the emulator. README.md has them.\n";

using Boards = std::vector<std::unique_ptr<Board>>;

// Waits until the wall clock has caught up, and meanwhile for whoever has something to say.
void wait(Boards& boards, double seconds) {
  std::vector<pollfd> waited{{STDIN_FILENO, POLLIN, 0}};
  for (const auto& board : boards) {
    for (emulator::Client* client : board->clients()) {
      waited.push_back({client->descriptor(),
                        static_cast<short>(client->wants_to_write() ? POLLIN | POLLOUT : POLLIN), 0});
    }
  }
  poll(waited.data(), waited.size(), static_cast<int>(seconds * 1000));
}

emulator::Silence silence_of(const emulator::Radio& radio) {
  return [&radio](emulator::Cycles from) { return radio.silent_until(from); };
}

int report_fault(Boards& boards) {
  for (size_t i = 0; i < boards.size(); ++i) {
    const auto& fault = boards[i]->chip().fault();
    if (!fault) continue;
    const auto describe = [&](uint32_t address) { return boards[i]->symbols().describe(address); };
    fprintf(stderr, "%s%s\n", in_words(*fault, describe).c_str(), as_json(*fault, describe).c_str());
  }
  return kFault;
}

int run(const Arguments& arguments) {
  Boards boards;
  emulator::World world(arguments.speed);
  emulator::Air air(arguments.air_loss, arguments.air_seed);
  for (const auto& settings : arguments.boards) {
    boards.push_back(std::make_unique<Board>(settings));
    emulator::Radio& radio = boards.back()->peripherals().radio;
    if (arguments.air) radio.join(air);
    world.add(boards.back()->chip(), arguments.air ? silence_of(radio) : nullptr);
  }
  emulator::Control control(boards, air);
  printf("{\"event\": \"ready\", \"chips\": %zu}\n", boards.size());
  fflush(stdout);
  auto last_poll = std::chrono::steady_clock::now();
  const auto end = static_cast<emulator::Cycles>(arguments.seconds * emulator::kCyclesPerSecond);
  while (!end || boards[0]->chip().events.now() < end) {
    const double ahead = world.ahead();
    if (ahead > 0.001) wait(boards, ahead);
    const auto now = std::chrono::steady_clock::now();
    if (ahead > 0.001 || now - last_poll > std::chrono::microseconds(500)) {
      last_poll = now;
      for (const auto& board : boards) board->poll();
      if (!control.poll()) return kEnded;
    }
    if (world.ahead() > 0.001) continue;
    world.advance();
    if (world.failed()) return report_fault(boards);
  }
  return kEnded;
}

}  // namespace

int main(int count, char** words) {
  try {
    return run(emulator::parse_arguments({words + 1, words + count}));
  } catch (const emulator::UsageError& error) {
    fprintf(stderr, "%s\n%s", error.what(), kHelp);
    return kUsage;
  } catch (const std::exception& error) {
    fprintf(stderr, "%s\n", error.what());
    return kBadImage;
  }
}
