// Turns inputs into features by a frozen model on TensorFlow Lite Micro, and learns from these alone. It needs the library
// tflm_features, which `python tools/arduino_library.py FOLDER --model models/digits` writes with the model in it
// (without a checkout: the library's README.md), and Chirale_TensorFLowLite 2.0.0 from the Library Manager.
//
//   bytefed run --open --boards serial:auto
#include <bytefed.h>
#include <bytefed_model.h>
#include <tflm_features/features.h>

static bytefed::StaticMemory<bytefed_model::kFeatures, bytefed_model::kClasses, 200, 32> memory;

static uint32_t now(void*) { return millis(); }
static size_t put(void*, const uint8_t* bytes, size_t count) { return Serial.write(bytes, count); }
static bool extract(void*, const int8_t* input, int8_t* features) {
  return tflm_features::extract(input, features);
}

static bytefed::Identity identity(bool extracts) {
  bytefed::Identity me = {};
  me.uid = 0x1234;               // no two boards have the same
  me.boot = random(1, 0x10000);  // another one at each start
  if (!extracts) return me;      // then the host sends features
  me.capabilities = bytefed::Board::kExtractor;
  me.model = bytefed_model::kHash;
  me.input_size = bytefed_model::kInputSize;
  me.features = {bytefed_model::kFeatureScale, bytefed_model::kFeatureZeroPoint};
  return me;
}
static bytefed::Port port(bool extracts) {
  bytefed::Port port = {};
  port.millis = now;
  if (extracts) port.extract = extract;
  return port;
}

void setup() {
  Serial.begin(115200);
  randomSeed(analogRead(A0) + micros());
}

void loop() {
  static const bool extracts = tflm_features::start();
  static bytefed::Session session(memory.view(), identity(extracts), port(extracts));
  static bytefed::SerialLink link(nullptr, put);
  while (Serial.available() > 0) link.receive(session, Serial.read());
  session.poll();  // answers, extracts one sample, or trains one mini-batch
  link.flush();
}
