// The board's light, which shows at a glance what the board does.
#pragma once
#include <cstdint>

enum class Light : uint8_t {
  kIdle,         // a short green flash every two seconds
  kLinked,       // blue
  kTraining,     // green
  kCapturing,    // yellow
  kClassifying,  // the colour of the last window's label, dark for none of them
  kError,        // red, blinking: no radio, no noise, no room for the model, or a flash that fails
};

namespace light {

void start();

// Shows a status; call it often. `now` is in ms, `label` that of the last window, or kNoLabel.
void show(Light status, uint32_t now, uint8_t label);

// Flashes white to show the class that the button has chosen, then shows the status again.
void blink(int times);

// Shows one long red flash: the button asked for something impossible.
void refuse();

}  // namespace light
