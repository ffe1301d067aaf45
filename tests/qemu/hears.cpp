// Hears a made-up sound with the ear of models/keywords and prints the CRC-32 of each window: windows one
// behind the other, and those that start on sound.
#include "bytefed/protocol/crc.h"
#include "bytefed/sound/ear.h"
#include "bytefed_model.h"
#include "bytefed_model_sound.h"
#include "console.h"

namespace {

using namespace bytefed;
using namespace bytefed_model;

constexpr uint32_t kSamples = 160000, kWord = 6000;  // 10 s; every third stretch of so many samples is loud

Ear ear;
int8_t ring[kInputSize], window[kInputSize];

int16_t sample(uint32_t i) {
  uint32_t x = i * 0x9E3779B9u;
  x = (x ^ x >> 15) * 0x846CA68Bu;
  const int16_t noise = static_cast<int16_t>(x >> 16);
  return static_cast<int16_t>(i / kWord % 3 == 1 ? noise / 2 : noise / 512);
}

void hear(bool on_sound) {
  ear.clear(on_sound);
  for (uint32_t i = 0; i < kSamples; ++i) {
    const int16_t one = sample(i);
    ear.take(&one, 1);
    if (!ear.complete()) continue;
    ear.copy(window);
    print_hex(crc32(window, sizeof window));
    print("\n");
  }
}

}  // namespace

int main() {
  const SoundWindow kept = {
      {kSoundFrame, kSoundStep, kSoundBands}, kSoundFrames, true, kInputScale, kInputZeroPoint};
  if (!ear.start(kept, kSoundTables, sizeof kSoundTables / sizeof *kSoundTables, ring))
    fatal("the tables don't fit");
  hear(false);
  hear(true);
  return 0;
}
