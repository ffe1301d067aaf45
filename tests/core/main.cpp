// Runs the tests whose names begin with the argument, all without one.
#include <cstdlib>
#include <cstring>

#include "bytefed/assert.h"
#include "check.h"

namespace {

struct Entry {
  const char* name;
  void (*body)();
};

std::vector<Entry>& entries() {
  static std::vector<Entry> all;
  return all;
}

int failures = 0;

}  // namespace

#ifdef BYTEFED_DEBUG
void bytefed::assertion_failed(const char* file, int line) {
  std::cerr << file << ":" << line << ": assertion failed\n";
  std::abort();
}
#endif

check::Test::Test(const char* name, void (*body)()) {
  entries().push_back({name, body});
}

void check::fail(const char* file, int line, const std::string& what) {
  if (++failures <= 20) std::cerr << file << ":" << line << ": " << what << "\n";
}

int main(int argc, char** argv) {
  const std::string prefix = argc > 1 ? argv[1] : "";
  int passed = 0, failed = 0;
  for (const Entry& entry : entries()) {
    if (std::strncmp(entry.name, prefix.c_str(), prefix.size()) != 0) continue;
    const int before = failures;
    entry.body();
    if (failures == before) {
      ++passed;
    } else {
      ++failed;
      std::cerr << "FAILED " << entry.name << "\n";
    }
  }
  std::cout << passed << " passed, " << failed << " failed\n";
  return failed != 0 || passed == 0;
}
