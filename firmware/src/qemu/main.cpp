// A board on QEMU's Cortex-M4F: the core, a UART, and the extractor that it was linked with. Without
// one it takes ready-made features, which INFO says by leaving out the extractor's bit.
//
// Its identity comes from the semihosting command line, since there is no chip to ask: two words,
// `uid` and `boot` in hexadecimal.
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

uint32_t millis(void*) {
  return machine::word(machine::kCounter);
}

size_t write(void*, const uint8_t* data, size_t length) {
  return uart::write(data, length);
}

Identity identify() {
  const Arguments arguments = read_arguments();
  Identity identity = {};
  identity.uid = arguments.uid;
  identity.boot = static_cast<uint16_t>(arguments.boot + restarts++);
  return identity;
}

}  // namespace

int main() {
  machine::word(machine::kPrescaler) = machine::kCounterClock / 1000 - 1;
  Identity identity = identify();
  Port port = {};
  port.millis = millis;
  add_extractor(&identity, &port);
  Session session(memory.view(), identity, port);
  SerialLink serial(nullptr, write);
  uart::start();
  for (;;) {
    uint8_t byte = 0;
    const bool received = uart::read(&byte);
    if (received) serial.receive(session, byte);
    if (received && byte != 0) continue;  // only a delimiter completes a frame
    const bool busy = session.poll();
    const bool sent = serial.flush();
    if (!received && !(busy && sent)) uart::wait(!sent);
  }
}
