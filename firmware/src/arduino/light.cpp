#include "light.h"

#include "bytefed/protocol/message.h"
#include "lamp.h"

namespace light {
namespace {

constexpr Colour kOff = {0, 0, 0}, kRed = {1, 0, 0}, kGreen = {0, 1, 0}, kBlue = {0, 0, 1},
                 kYellow = {1, 1, 0}, kWhite = {1, 1, 1}, kPurple = {1, 0, 1}, kCyan = {0, 1, 1};
// The labels' colours, which begin again after the last. Red alone means an error.
constexpr Colour kLabels[] = {kGreen, kBlue, kYellow, kPurple, kCyan, kWhite};
constexpr uint32_t kBeat = 250, kPeriod = 2000, kFlash = 50;  // ms

Colour shown = kOff;
int beats_left = 0;  // half periods, light or dark, of the flashes still to be shown
Colour flash = kOff;
uint32_t beat_began = 0;
bool beat_begun = false;

Colour colour_of(Light status, uint32_t now, uint8_t label) {
  switch (status) {
    case Light::kIdle: return now % kPeriod < kFlash ? kGreen : kOff;
    case Light::kLinked: return kBlue;
    case Light::kTraining: return kGreen;
    case Light::kCapturing: return kYellow;
    case Light::kClassifying:
      return label == bytefed::kNoLabel ? kOff : kLabels[label % (sizeof kLabels / sizeof kLabels[0])];
    case Light::kError: return now % (2 * kBeat) < kBeat ? kRed : kOff;
  }
  return kOff;
}

void flash_beats(Colour colour, int beats) {
  flash = colour;
  beats_left = beats;
  beat_begun = false;
}

}  // namespace

void start() {
  lamp::start();
  lamp::set(kOff);
}

void show(Light status, uint32_t now, uint8_t label) {
  Colour colour = colour_of(status, now, label);
  if (beats_left > 0) {
    if (!beat_begun) {
      beat_begun = true;
      beat_began = now;
    }
    colour = beats_left % 2 == 0 ? flash : kOff;
    if (now - beat_began >= kBeat) {
      --beats_left;
      beat_begun = false;
    }
  }
  if (colour == shown) return;
  shown = colour;
  lamp::set(colour);
}

void blink(int times) {
  flash_beats(kWhite, 2 * times);
}

void refuse() {
  flash_beats(kRed, 2);
}

}  // namespace light
