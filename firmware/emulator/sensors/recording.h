// The motion that a sensor feels: rows of a recording, played by the chip's clock and from the start again at
// its end.
//
// A recording is a CSV file. A comment gives its rate, and the first line that is no comment is this heading:
//
//     # hertz: 50
//     ax,ay,az,gx,gy,gz
//     0.02,-0.13,9.79,0.001,0.000,-0.002
//
// Acceleration in m/s^2, rate of turn in rad/s, along the axes that the board's sensor library reports. A
// board lying on a table feels az = +9.81. Values beyond a sensor's range are read as the end of that range,
// and each is rounded to the sensor's steps.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "chip/time.h"

namespace emulator {

using Motion = std::array<double, 6>;

class Recording {
 public:
  // A board that lies still.
  Recording() : rows_{{0, 0, 9.80665, 0, 0, 0}} {}
  // Throws std::runtime_error that says which line is wrong, and how.
  static Recording read(const std::string& path);

  const Motion& at(Cycles time) const;

 private:
  double hertz_ = 1;
  std::vector<Motion> rows_;
};

}  // namespace emulator
