// The control channel: a command in a line of JSON on stdin, its answer in a line on stdout.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "air/air.h"
#include "board/board.h"
#include "control/json.h"

namespace emulator {

class Control {
 public:
  Control(std::vector<std::unique_ptr<Board>>& boards, Air& air) : boards_(boards), air_(air) {}

  // Reads what has arrived on stdin and answers. False at its end: nobody is there any more.
  bool poll();

 private:
  std::string answer(const std::string& line);
  std::string reset(Board& board, const Command& command);
  std::string read_memory(Board& board, const Command& command);
  std::string cut_power(Board& board, const Command& command);
  std::string lose(const Command& command);

  std::vector<std::unique_ptr<Board>>& boards_;
  Air& air_;
  std::string received_;
};

}  // namespace emulator
