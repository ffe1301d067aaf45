#include "../lamp.h"

#include <Arduino.h>

namespace lamp {

void start() {
  pinMode(LEDR, OUTPUT);
  pinMode(LEDG, OUTPUT);
  pinMode(LEDB, OUTPUT);
}

// The LEDs are on while their pins are low.
void set(Colour colour) {
  digitalWrite(LEDR, colour.red != 0 ? LOW : HIGH);
  digitalWrite(LEDG, colour.green != 0 ? LOW : HIGH);
  digitalWrite(LEDB, colour.blue != 0 ? LOW : HIGH);
}

}  // namespace lamp
