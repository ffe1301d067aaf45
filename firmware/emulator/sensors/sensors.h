// The sensors that boards have, by name.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "peripherals/twi_device.h"
#include "sensors/recording.h"

namespace emulator {

class Events;

// The chips of a sensor on its bus: "lsm9ds1", "bmi270", "lsm6ds33", "lsm6ds3trc" or "lis3dh". They feel what
// the recording says, which must outlive them. Throws std::runtime_error for another name.
std::vector<std::unique_ptr<TwiDevice>> make_sensor(const std::string& name, const Events& events,
                                                    const Recording& recording);

}  // namespace emulator
