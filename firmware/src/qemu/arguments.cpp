#include "arguments.h"

#include "console.h"
#include "semihosting.h"

namespace {

constexpr char kUsage[] =
    "start with -semihosting-config enable=on,arg=UID,arg=BOOT[,arg=KEY,arg=SEED] (hexadecimal)";

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

// Reads a word of 64 digits.
void read_bytes(const char** at, uint8_t* bytes) {
  for (size_t i = 0; i < bytefed::kKeySize; ++i, *at += 2) {
    const char pair[] = {(*at)[0], (*at)[0] == '\0' ? '\0' : (*at)[1], '\0'};
    const char* digit = pair;
    bytes[i] = static_cast<uint8_t>(read_hex(&digit, 2));
    if (digit != pair + 2) fatal(kUsage);
  }
  if (**at == ' ') ++*at;
}

}  // namespace

Arguments read_arguments() {
  char line[192];
  if (!semihosting::command_line(line, sizeof line)) fatal(kUsage);
  const char* at = line;
  Arguments arguments = {};
  arguments.uid = read_hex(&at, 16);
  arguments.boot = static_cast<uint16_t>(read_hex(&at, 4));
  arguments.sealed = *at != '\0';
  if (arguments.sealed) {
    read_bytes(&at, arguments.key);
    read_bytes(&at, arguments.seed);
  }
  return arguments;
}
