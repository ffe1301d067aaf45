#include "arguments.h"

#include "console.h"
#include "semihosting.h"

namespace {

constexpr char kUsage[] = "start with -semihosting-config enable=on,arg=UID,arg=BOOT (hexadecimal)";

// Reads one word of at most `digits` hexadecimal digits and the blank behind it.
uint64_t read_hex(const char** at, int digits) {
  uint64_t value = 0;
  const char* start = *at;
  for (; **at != '\0' && **at != ' '; ++*at) {
    const char c = **at;
    const bool decimal = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
    if (!decimal && !letter) fatal(kUsage);
    value = value << 4 | static_cast<uint64_t>(decimal ? c - '0' : c - 'a' + 10);
  }
  if (*at == start || *at - start > digits) fatal(kUsage);
  if (**at == ' ') ++*at;
  return value;
}

}  // namespace

Arguments read_arguments() {
  char line[64];
  if (!semihosting::command_line(line, sizeof line)) fatal(kUsage);
  const char* at = line;
  const uint64_t uid = read_hex(&at, 16);
  const uint64_t boot = read_hex(&at, 4);
  return {uid, static_cast<uint16_t>(boot)};
}
