// Turns readings of the motion sensor into the windows that the extractor takes. Readings are quantised at
// once, so no raw value is kept. Each window shares its first half with the one before.
#pragma once
#include <cstddef>
#include <cstdint>

#include "bytefed/session/session.h"
#include "bytefed_model.h"
#include "sensor.h"

class Window {
 public:
  static constexpr bool kTakesWindows = bytefed_model::kWindowSteps > 0, kHears = false;
  static constexpr size_t kAxes = 6;
  static constexpr size_t kSteps = bytefed_model::kWindowSteps > 0 ? bytefed_model::kWindowSteps : 2;
  static constexpr size_t kHop = kSteps / 2;
  static constexpr uint32_t kPeriod =
      1000 / (bytefed_model::kWindowHertz > 0 ? bytefed_model::kWindowHertz : 1);
  static constexpr uint16_t kHopTime = static_cast<uint16_t>(kHop * kPeriod / 10);  // 10 ms

  static bytefed::SensorChip find() { return sensor::start(); }
  static bool switch_on() { return true; }

  // Begins an empty window. `now` is in ms.
  void start(uint32_t now);
  // All windows of motion are alike, and a gap of some readings is none.
  void follow(const bytefed::Session&) {}
  // Reads the sensor if a reading is due.
  void tick(uint32_t now);
  // Copies the next window, oldest reading first: kSteps * kAxes values. False while it is not complete.
  bool take(int8_t* input);
  // Nothing is heard.
  bytefed::Levelled level() const { return {}; }

 private:
  int8_t readings_[kSteps][kAxes];
  size_t next_ = 0;         // where the next reading goes
  size_t wanted_ = kSteps;  // readings until the window is complete
  uint32_t due_ = 0;
};
