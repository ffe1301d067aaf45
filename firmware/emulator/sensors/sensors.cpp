#include "sensors/sensors.h"

#include <stdexcept>

#include "sensors/bmi270.h"
#include "sensors/lis3dh.h"
#include "sensors/lsm6ds.h"
#include "sensors/lsm9ds1.h"

namespace emulator {

std::vector<std::unique_ptr<TwiDevice>> make_sensor(const std::string& name, const Events& events,
                                                    const Recording& recording) {
  std::vector<std::unique_ptr<TwiDevice>> chips;
  if (name == "lsm9ds1") {
    chips.push_back(std::make_unique<Lsm9ds1>(events, recording));
    chips.push_back(std::make_unique<Lsm9ds1Magnetometer>());
  } else if (name == "bmi270") {
    chips.push_back(std::make_unique<Bmi270>(events, recording));
    chips.push_back(std::make_unique<Bmm150>());
  } else if (name == "lsm6ds33") {
    chips.push_back(std::make_unique<Lsm6ds>(Lsm6ds::Kind::kLsm6ds33, events, recording));
  } else if (name == "lsm6ds3trc") {
    chips.push_back(std::make_unique<Lsm6ds>(Lsm6ds::Kind::kLsm6ds3trc, events, recording));
  } else if (name == "lis3dh") {
    chips.push_back(std::make_unique<Lis3dh>(events, recording));
  } else {
    throw std::runtime_error("no sensor is called " + name +
                             ": microphone, lsm9ds1, bmi270, lsm6ds33, lsm6ds3trc or lis3dh");
  }
  return chips;
}

}  // namespace emulator
