// A whole board on standard input and output, without any SDK: its head has 64 features and 10 classes.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "bytefed/session/serial_link.h"

using namespace bytefed;

static StaticMemory<64, 10, 200, 32> memory;  // 200 samples, batches of up to 32: about 23 KB

static uint32_t millis(void*) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint32_t>(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static size_t write_some(void*, const uint8_t* data, size_t length) {
  const ssize_t taken = write(STDOUT_FILENO, data, length);
  return taken > 0 ? static_cast<size_t>(taken) : 0;
}

int main() {
  Identity identity = {};
  identity.uid = 0x1234;                                   // no two boards have the same
  identity.boot = static_cast<uint16_t>(millis(nullptr));  // another one at each start
  Port port = {};  // no feature extractor, sensor or flash: the host sends features
  port.millis = millis;

  Session session(memory.view(), identity, port);
  SerialLink link(nullptr, write_some);
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  for (;;) {
    uint8_t bytes[64];
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    for (ssize_t i = 0; i < count; ++i) {
      link.receive(session, bytes[i]);
      if (bytes[i] == 0) session.poll();  // the end of a frame: answer it before the next
    }
    const bool busy = session.poll();  // trains one mini-batch, or sends what is due
    const bool sent = link.flush();
    if (count == 0 && !busy && sent) return 0;  // the host is gone
    if (count < 0 && !busy) usleep(1000);
  }
}
