#include "uart.h"

#include "machine.h"

namespace uart {
namespace {

using machine::uart0;

// One writer (the interrupt) and one reader (the main program), so that no lock is needed: each
// changes only its own index. A power of two, so that indices may wrap around.
constexpr uint32_t kCapacity = 512;
uint8_t ring[kCapacity];
volatile uint32_t written, taken;

constexpr uint32_t kReceive = 1u << 0, kTransmit = 1u << 1;  // interrupt lines

}  // namespace

void start() {
  uart0().baud_divider = 16;
  uart0().control = machine::kTxEnable | machine::kRxEnable | machine::kTxInterrupt | machine::kRxInterrupt;
  (void)uart0().data;  // drops a byte that came before the receiver was on and would stay there
  machine::word(machine::kInterruptEnable) = kReceive | kTransmit;
}

bool read(uint8_t* byte) {
  if (written == taken) return false;
  *byte = ring[taken % kCapacity];
  taken = taken + 1;
  machine::word(machine::kInterruptEnable) = kReceive;
  return true;
}

size_t write(const uint8_t* data, size_t length) {
  size_t sent = 0;
  while (sent < length && (uart0().state & machine::kTxFull) == 0) uart0().data = data[sent++];
  return sent;
}

void wait(bool sending) {
  machine::disable_interrupts();
  // Checked with interrupts off: an interrupt that comes now stays pending and ends the sleep.
  const bool room = sending && (uart0().state & machine::kTxFull) == 0;
  if (written == taken && !room) machine::wait_for_interrupt();
  machine::enable_interrupts();
}

// While the ring is full the interrupt stays masked: the byte waits in the UART, and QEMU's
// socket holds back those behind it.
extern "C" void uart_received() {
  if (written - taken == kCapacity) {
    machine::word(machine::kInterruptDisable) = kReceive;
    return;
  }
  uart0().interrupts = machine::kRxPending;  // before the read, which lets the next byte in
  ring[written % kCapacity] = static_cast<uint8_t>(uart0().data);
  written = written + 1;
}

extern "C" void uart_sent() {
  uart0().interrupts = machine::kTxPending;
}

}  // namespace uart
