// Runs a sketch as a program, whose serial port is standard input and output.
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "Arduino.h"

FakeSerial Serial;

static unsigned long long now_us() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<unsigned long long>(now.tv_sec) * 1000000 +
         static_cast<unsigned long long>(now.tv_nsec) / 1000;
}

unsigned long micros() {
  return static_cast<unsigned long>(now_us());
}
unsigned long millis() {
  return static_cast<unsigned long>(now_us() / 1000);
}
int analogRead(int) {
  return static_cast<int>(millis() / 2000 % 4 * 256 + micros() % 64);
}
long random(long least, long below) {
  return least + std::rand() % (below - least);
}
void randomSeed(unsigned long seed) {
  std::srand(static_cast<unsigned>(seed));
}

int FakeSerial::available() {
  pollfd waiting = {0, POLLIN, 0};
  return poll(&waiting, 1, 1) > 0 && (waiting.revents & POLLIN) != 0;
}

int FakeSerial::read() {
  uint8_t byte;
  if (::read(0, &byte, 1) != 1) _exit(0);  // the host is gone
  return byte;
}

size_t FakeSerial::write(const uint8_t* bytes, size_t count) {
  const ssize_t taken = ::write(1, bytes, count);
  return taken > 0 ? static_cast<size_t>(taken) : 0;
}

int main() {
  setup();
  for (;;) loop();
}
