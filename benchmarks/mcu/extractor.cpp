// Prints what a model's feature extractor costs on a Cortex-M4F, for one window, and which features it makes
// of that: a name and a number a line.
#include "bytefed/protocol/crc.h"
#include "bytefed_model.h"
#include "console.h"
#include "stack_gauge.h"
#include "stopwatch.h"
#include "tflm_features/features.h"

namespace {

int8_t input[bytefed_model::kInputSize], features[bytefed_model::kFeatures];

void print_row(const char* name, uint64_t value) {
  print(name);
  print(" ");
  print_decimal(value);
  print("\n");
}

}  // namespace

int main() {
  machine::disable_interrupts();
  const Stopwatch stopwatch;
  if (!tflm_features::start()) fatal("the model does not fit its arena");
  for (size_t i = 0; i < sizeof input; ++i) input[i] = static_cast<int8_t>(bytefed::crc32(&i, sizeof i));
  bool good = false;
  const auto extract = [&] { good = tflm_features::extract(input, features); };
  print_row("extractor_insn", stopwatch.count(extract));
  print_row("extractor_stack_bytes", stack_depth(extract));
  if (!good) fatal("the extractor failed");
  print_row("extractor_features_crc32", bytefed::crc32(features, sizeof features));
  return 0;
}

// The output of TensorFlow Lite Micro's log.
extern "C" void DebugLog(const char* text) {
  print(text);
}
