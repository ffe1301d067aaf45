// A board on QEMU's Cortex-M4F: the core, a UART, and the extractor that it was linked with. Without
// one it takes ready-made features, which INFO says by leaving out the extractor's bit.
//
// Its identity comes from the semihosting command line, since there is no chip to ask, and with it its key
// and its randomness, if it is to have them (arguments.h).
#include <cstring>

#include "arguments.h"
#include "bytefed/session/serial_link.h"
#include "bytefed/session/session.h"
#include "console.h"
#include "extractor.h"
#include "machine.h"
#include "uart.h"

namespace {

using namespace bytefed;

StaticMemory<BYTEFED_FEATURES, BYTEFED_CLASSES, BYTEFED_CAPACITY, BYTEFED_MAX_BATCH> memory;

// Counts the starts that QEMU's reset button caused: its RAM keeps its value, and so a board that
// was reset shows another boot number although its command line is the same.
__attribute__((section(".noinit"))) uint16_t restarts;

uint8_t entropy[kKeySize];

bool no_random(void*, uint8_t*, size_t) {
  return false;
}

Status refuse(void*, const uint8_t*) {
  return Status::kNoEntropy;
}

// Each draw is a hash of the state before, and so is the state after it.
bool random(void*, uint8_t* bytes, size_t length) {
  uint8_t made[2 * kKeySize];
  Blake2b(sizeof made).add(entropy, sizeof entropy).finish(made);
  std::memcpy(entropy, made, sizeof entropy);
  if (length <= kKeySize) std::memcpy(bytes, made + kKeySize, length);
  return length <= kKeySize;
}

uint32_t millis(void*) {
  return machine::word(machine::kCounter);
}

size_t write(void*, const uint8_t* data, size_t length) {
  return uart::write(data, length);
}

Identity identify(const Arguments& arguments) {
  Identity identity = {};
  identity.uid = arguments.uid;
  identity.boot = static_cast<uint16_t>(arguments.boot + restarts++);
  return identity;
}

// Makes other randomness of the seed after each restart.
void seed(const Arguments& arguments) {
  Blake2b(sizeof entropy)
      .add(arguments.seed, sizeof arguments.seed)
      .add(&restarts, sizeof restarts)
      .finish(entropy);
}

}  // namespace

int main() {
  machine::word(machine::kPrescaler) = machine::kCounterClock / 1000 - 1;
  const Arguments arguments = read_arguments();
  Identity identity = identify(arguments);
  seed(arguments);
  Port port = {};
  port.millis = millis;
  if (arguments.sealed) port.random = random;  // without a seed its randomness is known to all
  add_extractor(&identity, &port);
  Session session(memory.view(), identity, port);
  SerialLink serial(nullptr, write);
  BoardKey key({nullptr, nullptr, arguments.sealed ? nullptr : refuse});
  if (arguments.sealed) key.set(arguments.key);
  SealedLink seal(session, *serial.link(), key, {nullptr, arguments.sealed ? random : no_random, millis});
  uart::start();
  for (;;) {
    uint8_t byte = 0;
    const bool received = uart::read(&byte);
    if (received) serial.receive(seal, byte);
    if (received && byte != 0) continue;  // only a delimiter completes a frame
    const bool busy = session.poll();
    const bool sent = serial.flush();
    if (!received && !(busy && sent)) uart::wait(!sent);
  }
}
