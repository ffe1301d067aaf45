// Counts checks, and says which ones failed.
#include "check.h"

#include "console.h"
#include "cpu.h"

namespace metal {

namespace {

uint32_t done, failed;

const char* base_name(const char* path) {
  const char* name = path;
  for (; *path != 0; ++path)
    if (*path == '/') name = path + 1;
  return name;
}

void report(const char* file, int line, const char* what, uint32_t got) {
  failed += 1;
  print("FAILED ");
  print(base_name(file));
  print(":");
  print_decimal(static_cast<uint32_t>(line));
  print(" ");
  print(what);
  print(": ");
  print_hex(got);
}

}  // namespace

void check_equal(const char* file, int line, const char* what, uint32_t got, uint32_t want) {
  done += 1;
  if (got == want) return;
  report(file, line, what, got);
  print(", not ");
  print_hex(want);
  print("\n");
}

void check_between(const char* file, int line, const char* what, uint32_t got, uint32_t least,
                   uint32_t most) {
  done += 1;
  if (got >= least && got <= most) return;
  report(file, line, what, got);
  print(", not ");
  print_hex(least);
  print(" to ");
  print_hex(most);
  print("\n");
}

void run(const Group* groups, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    done = failed = 0;
    handle_nothing();
    groups[i].checks();
    print("GROUP ");
    print(groups[i].name);
    print(": ");
    print_decimal(done);
    print(" checks, ");
    print_decimal(failed);
    print(" failed\n");
  }
}

}  // namespace metal
