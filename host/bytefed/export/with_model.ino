// Classifies without bytefed. PlatformIO: lib_deps = spaziochirale/Chirale_TensorFLowLite@2.0.0
#include <Chirale_TensorFlowLite.h>
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "classifier.h"

alignas(16) static uint8_t arena[classifier::kArenaBytes];
static tflite::MicroMutableOpResolver<classifier::kOps> resolver;
static tflite::MicroInterpreter* interpreter;

// The next value of the input. Here it is a number that was typed; put your sensor in its place.
float next_value() {
  while (Serial.available() == 0) delay(1);
  return Serial.parseFloat();
}

void setup() {
  Serial.begin(115200);
  if (!classifier::add_ops(resolver)) return;
  static tflite::MicroInterpreter built(tflite::GetModel(classifier::kModel), resolver, arena, sizeof arena);
  if (built.AllocateTensors() == kTfLiteOk) interpreter = &built;
}

void loop() {
  if (interpreter == nullptr) return;
  int8_t* input = interpreter->input(0)->data.int8;
  for (int i = 0; i < classifier::kInputs; ++i) input[i] = classifier::quantize(next_value());
  if (interpreter->Invoke() != kTfLiteOk) return;
  Serial.println(classifier::kLabels[classifier::label(interpreter->output(0))]);
}
