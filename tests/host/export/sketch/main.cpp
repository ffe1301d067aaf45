// Runs a sketch: `setup` once, then `loop`. With an argument, writes the model that it holds to that file
// instead.
#include "classify.ino"

#ifdef HAS_MODEL
static void save(const char* path) {
  std::FILE* file = std::fopen(path, "wb");
  std::fwrite(classifier::kModel, 1, sizeof classifier::kModel, file);
  std::fclose(file);
}
#else
static void save(const char*) {}
#endif

int main(int argc, char** argv) {
  if (argc > 1) {
    save(argv[1]);
    return 0;
  }
  setup();
  for (int i = 0; i < 100000; ++i) loop();
  return 1;  // it did not read its input
}
