// As much of an Arduino core as the library's examples need, on standard input and output; with the macros of
// Adafruit's.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define abs(x) ((x) > 0 ? (x) : -(x))
#define round(x) ((x) >= 0 ? (long)((x) + 0.5) : (long)((x) - 0.5))
#define F(text) (text)
enum { A0 = 14 };

unsigned long millis();
unsigned long micros();
int analogRead(int pin);  // 10 bits: another level every two seconds
long random(long least, long below);
void randomSeed(unsigned long seed);

struct FakeSerial {
  void begin(unsigned long) {}
  int available();
  int read();
  size_t write(const uint8_t* bytes, size_t count);
};
extern FakeSerial Serial;

void setup();
void loop();
