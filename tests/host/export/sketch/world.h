// Arduino as far as the sketches use it: what is typed comes from standard input, and at its end the program
// ends.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>

inline void delay(unsigned long) {}

struct Typed {
  void begin(unsigned long) {}
  int available() {
    std::cin >> std::ws;
    if (std::cin.eof()) std::exit(0);
    return 1;
  }
  float parseFloat() {
    float value;
    std::cin >> value;
    return value;
  }
  void println(const char* text) { std::puts(text); }
};
inline Typed Serial;
