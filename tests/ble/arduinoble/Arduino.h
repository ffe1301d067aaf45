// The part of Arduino's core that ArduinoBLE takes on the Nano, for a process on a laptop.
#pragma once
#include <cstdio>
#include <cstring>
#include <string>

#include "../../arduino/fake/common/arduino.h"
#include "../../arduino/fake/nano/radio_and_flash.h"

#define F(text) text

enum { LEDR = 22, LEDG = 23, LEDB = 24, HEX = 16, BIN = 2, DEC = 10 };

struct FakeUsb {
  uint32_t INTENCLR;
};
extern FakeUsb* NRF_USBD;
enum : uint32_t { USBD_INTENCLR_SOF_Msk = 1u << 21 };

using byte = uint8_t;
using word = uint16_t;

inline char* utoa(unsigned value, char* text, int base) {
  std::sprintf(text, base == HEX ? "%x" : "%u", value);
  return text;
}

template <typename A, typename B>
auto min(A a, B b) -> decltype(a < b ? a : b) {
  return a < b ? a : b;
}
template <typename A, typename B>
auto max(A a, B b) -> decltype(a < b ? b : a) {
  return a < b ? b : a;
}

class String {
 public:
  String(const char* text = "") : text_(text) {}  // NOLINT(google-explicit-constructor): as Arduino's
  String operator+(const String& other) const { return String((text_ + other.text_).c_str()); }
  String& operator+=(char more) {
    text_ += more;
    return *this;
  }
  bool operator!=(const String& other) const { return text_ != other.text_; }
  bool equalsIgnoreCase(const String& other) const { return strcasecmp(c_str(), other.c_str()) == 0; }
  void reserve(unsigned size) { text_.reserve(size); }
  const char* c_str() const { return text_.c_str(); }
  unsigned length() const { return static_cast<unsigned>(text_.size()); }

 private:
  std::string text_;
};

// The stream to which the library would trace; nobody asks it to.
class Stream {
 public:
  template <typename... Any>
  void print(Any...) {}
  template <typename... Any>
  void println(Any...) {}
  void flush() {}
};
