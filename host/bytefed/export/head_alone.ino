// Classifies features without bytefed. What makes them is yours: the run learnt on features that came ready.
#include "classifier.h"

// The next feature. Here it is a number that was typed; put what makes your features in its place.
float next_feature() {
  while (Serial.available() == 0) delay(1);
  return Serial.parseFloat();
}

void setup() { Serial.begin(115200); }

void loop() {
  static int8_t codes[classifier::kFeatures];
  for (int i = 0; i < classifier::kFeatures; ++i) codes[i] = classifier::quantize(i, next_feature());
  Serial.println(classifier::kLabels[classifier::label(codes)]);
}
