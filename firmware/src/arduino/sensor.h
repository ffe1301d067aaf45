// The board's accelerometer and gyroscope, if it has them.
#pragma once
#include "bytefed/protocol/message.h"

namespace sensor {

// Finds and starts the sensor. kNone if there is none.
bytefed::SensorChip start();

// Reads acceleration (m/s^2) and rate of turn (rad/s) along x, y, z: six values. A chip without gyroscope
// gives zeros for the rate of turn. False if the bus fails.
bool read(float* axes);

}  // namespace sensor
