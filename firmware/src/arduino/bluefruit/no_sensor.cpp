// Boards without a motion sensor.
#include "../sensor.h"

#if !defined(ARDUINO_NRF52840_FEATHER_SENSE) && !defined(ARDUINO_NRF52840_CIRCUITPLAY)

namespace sensor {

bytefed::SensorChip start() {
  return bytefed::SensorChip::kNone;
}

bool read(float*) {
  return false;
}

}  // namespace sensor

#endif
