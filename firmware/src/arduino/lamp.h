// The board's lamp of three colours: an RGB LED, a NeoPixel or a DotStar.
#pragma once
#include <cstdint>

struct Colour {
  uint8_t red, green, blue;  // 0 or 1
};

inline bool operator==(const Colour& a, const Colour& b) {
  return a.red == b.red && a.green == b.green && a.blue == b.blue;
}

namespace lamp {

void start();
void set(Colour colour);

}  // namespace lamp
