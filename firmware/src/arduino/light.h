// The board's light: what it does, at a glance.
#pragma once
#include <cstdint>

enum class Light : uint8_t {
  kIdle,       // a short green flash every two seconds
  kLinked,     // blue
  kTraining,   // green
  kCapturing,  // yellow
  kError,      // red, blinking: no radio, no room for the model, or a flash that fails
};

namespace light {

void start();

// Shows a status; call it often. Milliseconds.
void show(Light status, uint32_t now);

// White flashes, and then the status again: the class that the button has chosen.
void blink(int times);

// One long red flash: the button asked for something that can't be.
void refuse();

}  // namespace light
