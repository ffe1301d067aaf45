// Turns the microphone's sound into the windows that the extractor takes, as the core's ear hears it. Only
// features are kept, never sound.
#pragma once
#include "bytefed/session/session.h"
#include "bytefed/sound/ear.h"
#include "microphone.h"

// It has what Window has, for images whose model takes sound.
class Hearing {
 public:
  static constexpr bool kTakesWindows = true, kHears = true;
  static const uint16_t kHopTime;  // 10 ms

  Hearing();

  static bytefed::SensorChip find() {
    return microphone::exists() ? bytefed::SensorChip::kMicrophone : bytefed::SensorChip::kNone;
  }
  // Switches the microphone on, once the radio runs. False if it does not work.
  static bool switch_on() { return microphone::start(); }

  // Begins an empty window, and a level of its own.
  void start(uint32_t now);
  // Hears as the session wants it: from where sound starts, or one window behind the other. Windows begin
  // anew where a capture begins and where it ends; the level only where it begins, so that it can be asked
  // for after the capture.
  void follow(const bytefed::Session& session);
  // Takes some of the samples that have come, at most a frame.
  void tick(uint32_t now);
  // Copies the next window, oldest frame first. False while it is not complete.
  bool take(int8_t* input);
  bytefed::Levelled level() const;

 private:
  void begin_anew();

  static constexpr uint16_t kAtOnce = 128;

  bytefed::Ear ear_;
  int16_t samples_[kAtOnce];
  uint16_t count_ = 0, next_ = 0;  // samples here, and the first that the ear has not taken
  uint16_t stale_ = 0;             // samples that are still to be passed over
  uint32_t lost_ = 0;
  bool captures_ = false, on_sound_ = false;
};
