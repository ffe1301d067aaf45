#include "control/statistics.h"

#include <cstdarg>
#include <cstdio>
#include <ctime>

#include "control/watermarks.h"
#include "peripherals/nvmc.h"
#include "peripherals/radio/radio.h"

namespace emulator {
namespace {

std::string format(const char* form, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, form);
  vsnprintf(text, sizeof text, form, arguments);
  va_end(arguments);
  return text;
}

}  // namespace

std::string statistics(Board& board) {
  Chip& chip = board.chip();
  const Events& events = chip.events;
  const auto total = static_cast<double>(events.now());
  std::string text = "{\"ok\": true";
  text += format(", \"seconds\": %.6f", total / kCyclesPerSecond);
  text += format(", \"instructions\": %llu", static_cast<unsigned long long>(events.worked()));
  text += format(", \"idle_share\": %.4f", total > 0 ? static_cast<double>(events.idle()) / total : 0.0);
  text += format(", \"core_seconds\": %.6f", static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
  text += format(", \"resets\": %u, \"watchdog_resets\": %u", chip.resets(), chip.watchdog_resets());
  const Peripherals& parts = board.peripherals();
  text += format(", \"flash\": {\"erases\": %llu, \"words\": %llu}",
                 static_cast<unsigned long long>(parts.nvmc.erases()),
                 static_cast<unsigned long long>(parts.nvmc.words()));
  UsbHost& usb = board.usb_host();
  text += format(
      ", \"usb\": {\"configured\": %s, \"vendor\": \"%04x\", \"product\": \"%04x\", \"in\": %llu, \"out\": "
      "%llu}",
      usb.is_configured() ? "true" : "false", usb.vendor(), usb.product(),
      static_cast<unsigned long long>(usb.bytes_in()), static_cast<unsigned long long>(usb.bytes_out()));
  text += format(", \"air\": {\"packets\": %llu}", static_cast<unsigned long long>(parts.radio.sent()));
  return text + ", " + watermarks(board) + "}";
}

std::string statistics(const Traffic& traffic) {
  const auto whole = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::string text = "{\"ok\": true";
  text += format(", \"connections\": %llu, \"values\": %llu, \"value_bytes\": %llu, \"value_events\": %llu",
                 whole(traffic.connections()), whole(traffic.values()), whole(traffic.value_bytes()),
                 whole(traffic.value_events()));
  for (size_t i = 0; i < kPurposes; ++i) {
    const auto purpose = static_cast<Purpose>(i);
    const Tally& tally = traffic.tally(purpose);
    text +=
        format(", \"%s\": {\"packets\": %llu, \"bytes\": %llu, \"seconds\": %.6f}", name(purpose),
               whole(tally.packets), whole(tally.bytes), static_cast<double>(tally.time) / kCyclesPerSecond);
  }
  return text + "}";
}

}  // namespace emulator
