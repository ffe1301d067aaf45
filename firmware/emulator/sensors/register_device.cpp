#include "sensors/register_device.h"

namespace emulator {

bool RegisterDevice::start(bool reading) {
  selected_ = reading;
  if (reading) begin();
  return true;
}

bool RegisterDevice::write(uint8_t byte) {
  if (!selected_) {
    selected_ = true;
    selector_ = byte;
    index_ = index_of(byte);
  } else {
    set(index_, byte);
    advance();
  }
  return true;
}

uint8_t RegisterDevice::read() {
  const uint8_t value = get(index_);
  advance();
  return value;
}

void RegisterDevice::advance() {
  if (increments(selector_, index_)) ++index_;
}

}  // namespace emulator
