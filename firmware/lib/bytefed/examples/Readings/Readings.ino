// Learns from what pin A0 reads: eight readings are the features of a sample, and there are four labels.
//
//   bytefed capture --open --board serial:auto --label still --seconds 20      and so on, for other labels
//   bytefed run --open --boards serial:auto --data boards
#include <bytefed.h>

static bytefed::StaticMemory<8, 4, 200, 16, true, 8> memory;  // 200 samples, batches of up to 16

static uint32_t now(void*) { return millis(); }
static size_t put(void*, const uint8_t* bytes, size_t count) { return Serial.write(bytes, count); }

static bool read_window(void*, int8_t* window) {
  static uint32_t last = 0;
  if (millis() - last < 100) return false;  // asked again soon
  last = millis();
  for (int i = 0; i < 8; ++i) window[i] = analogRead(A0) / 4 - 128;  // 10 bits, as int8
  return true;
}
static bool as_they_are(void*, const int8_t* window, int8_t* features) {
  memcpy(features, window, 8);
  return true;
}

static void about(void*, bytefed::Details* details) {
  details->window = 10;  // from one window to the next, in units of 10 ms
}

static bytefed::Identity identity() {
  bytefed::Identity me = {};
  me.uid = 0x1234;               // no two boards have the same
  me.boot = random(1, 0x10000);  // another one at each start
  me.capabilities = bytefed::Board::kExtractor | bytefed::Board::kSensor;
  me.input_size = 8;
  me.features = {1.0f / 128, 0};  // a feature q stands for (q - 0) / 128
  return me;
}
static bytefed::Port port() {
  bytefed::Port port = {};
  port.millis = now;
  port.sense = read_window;
  port.extract = as_they_are;
  port.about = about;
  return port;
}

void setup() {
  Serial.begin(115200);
  randomSeed(analogRead(A0) + micros());
}

void loop() {
  static bytefed::Session session(memory.view(), identity(), port());
  static bytefed::SerialLink link(nullptr, put);
  while (Serial.available() > 0) link.receive(session, Serial.read());
  session.poll();  // answers, or trains one mini-batch
  link.flush();
}
