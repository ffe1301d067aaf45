// The board's PDM microphone, by the library of its core. Images whose model takes no sound go without.
#pragma once
#include <cstdint>

#include "bytefed_model.h"

namespace microphone {

constexpr uint16_t kRate = 16000;  // samples a second

// Whether the image has one.
bool exists();

// Begins to listen, to one channel. False if there is none. It takes memory from the
// heap, and the radio has to run by then, since both want the crystal.
bool start();

// Reads samples that have come since, at most `capacity`; 0 if there are none. Call it until there are none.
uint16_t read(int16_t* samples, uint16_t capacity);

// The number of samples that were dropped because nobody read them, and of gaps.
uint32_t lost();

// Counts a gap: flash was erased or written. That stops the processor, and blocks are recorded over that the
// interrupt has not seen.
#ifdef BYTEFED_MODEL_SOUND
void gap();
#else
inline void gap() {}
#endif

}  // namespace microphone
