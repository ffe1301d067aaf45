// Wires the app to Arduino's two functions, and does nothing else.
#include "app.h"
#include "run.h"
// Included last, since it defines round() and others as macros.
#include <Arduino.h>

void setup() {
  run_app([] { app().start(); }, [] { app().step(); });
}

void loop() {
  run_loop();
}
