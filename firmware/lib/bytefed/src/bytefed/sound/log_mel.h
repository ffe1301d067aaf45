// Log-mel features of sound in integers: a frame every step, none dependent on another (SPEC 7.7).
#pragma once
#include "bytefed/sound/fft.h"

namespace bytefed {

constexpr uint16_t kMinSoundFrame = 65, kMaxSoundFrame = 512;
constexpr uint8_t kMaxSoundBands = 64;

// The sizes of what is heard. Tables that fit it are worked out by the host.
struct SoundFormat {
  uint16_t frame;  // samples in a frame, kMinSoundFrame..kMaxSoundFrame
  uint16_t step;   // samples from one frame to the next, 1..frame
  uint8_t bands;   // values of a frame, 1..kMaxSoundBands
};

// Turns a stream of samples into frames of features. Tables (`count` values) stay in flash and have to
// outlive it.
class LogMel {
 public:
  // Returns false, and takes no samples, if format and tables don't fit each other.
  bool start(const SoundFormat& format, const int16_t* tables, size_t count);
  // Forgets the samples of a frame that is not complete.
  void clear() { held_ = 0; }

  // Samples until a frame is complete.
  size_t wanted() const { return static_cast<size_t>(format_.frame - held_); }
  // Takes samples until a frame is complete or there are no more; returns how many it took.
  size_t take(const int16_t* samples, size_t count);
  bool complete() const { return format_.frame != 0 && held_ == format_.frame; }
  // Writes the features of a complete frame, `bands` values, and goes on to the next frame.
  void features(uint16_t* out);

 private:
  bool lay_out(const int16_t* tables, size_t count);
  int16_t windowed(uint16_t i) const;
  uint8_t headroom() const;
  void spread(uint8_t shift);
  void bands(uint8_t shift, uint16_t* out) const;

  SoundFormat format_ = {0, 0, 0};
  RealFft fft_;
  uint16_t size_ = 0;  // of the transform in complex values
  uint16_t held_ = 0;
  const int16_t* window_ = nullptr;
  const int16_t* logarithms_ = nullptr;
  const int16_t* widths_ = nullptr;
  const int16_t* weights_ = nullptr;
  uint16_t first_ = 0;
  int16_t samples_[kMaxSoundFrame];
  Complex bins_[kMaxSoundFrame / 2];
};

}  // namespace bytefed
