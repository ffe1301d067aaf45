// The cores' library for the microphone, as far as the app uses it. As the real one it has two blocks: a
// block that nobody has read when the next is full ends it for good.
#pragma once
#include <cstddef>
#include <cstdint>

struct FakePdm {
  void onReceive(void (*function)());
  int begin(int channels, long rate);
  int read(void* buffer, size_t size);
};
extern FakePdm PDM;

// Hands over what came in since the last time, a block each 16 ms of the world's clock.
void microphone_works();
