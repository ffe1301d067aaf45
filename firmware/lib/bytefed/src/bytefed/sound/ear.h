// Windows of sound for an extractor: a microphone's samples become int8 frames in a ring, whose memory the
// caller gives (SPEC 7.7).
#pragma once
#include "bytefed/sound/half_rate.h"
#include "bytefed/sound/log_mel.h"

namespace bytefed {

// The window that a model takes.
struct SoundWindow {
  SoundFormat format;
  uint16_t frames;    // in a window, kMinSoundFrames or more
  bool halves;        // whether the microphone has twice the model's samples a second
  float scale;        // of the extractor's inputs, above 0
  int8_t zero_point;  // of these
};

constexpr uint16_t kMinSoundFrames = 4;

// A microphone's samples since Ear::restart_level(), for a level meter.
struct Level {
  uint16_t peak;     // largest |sample|, 0..32,768; an older one counts for a sixteenth less each frame
  uint32_t clipped;  // samples at an end of the range
};

class Ear {
 public:
  // `tables` (`count` values) and `ring` (frames * bands values) outlive it. Returns false, and hears
  // nothing, if sizes and tables don't fit each other.
  bool start(const SoundWindow& window, const int16_t* tables, size_t count, int8_t* ring);
  // Forgets what was heard, except the level: windows begin anew, each where sound starts if `on_sound`.
  void clear(bool on_sound = false);
  void restart_level() { level_ = {0, 0}; }

  // Takes samples until a frame is made or there are no more; none while a window is complete. Returns how
  // many it took.
  size_t take(const int16_t* samples, size_t count);
  bool complete() const { return window_.frames != 0 && left_ == 0; }
  // Copies the complete window, frames * bands values, oldest frame first, and goes on to the next.
  void copy(int8_t* inputs);
  const Level& level() const { return level_; }

 private:
  size_t hear(const int16_t* samples, size_t count);
  void meter(const int16_t* samples, size_t count);
  void finish_frame();
  bool starts(const uint16_t* features);

  SoundWindow window_ = {{0, 0, 0}, 0, false, 1.0f, 0};
  LogMel front_end_;
  HalfRate half_;
  int8_t* ring_ = nullptr;
  uint16_t next_ = 0;  // where the next frame goes
  uint16_t held_ = 0;  // frames in the ring
  uint16_t left_ = 1;  // frames until the window is complete, or kWaits
  bool on_sound_ = false;
  bool odd_ = false;  // whether first_ waits for the sample behind it
  int16_t first_ = 0;
  int32_t floor_ = 0;  // loudness of what is not heard as sound
  uint8_t loud_ = 0;   // loud frames in a row, kEnough at most
  uint16_t peak_ = 0;
  Level level_ = {0, 0};
};

}  // namespace bytefed
