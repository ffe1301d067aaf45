// Tests that register themselves; a failed check says where and what, and the run goes on.
#pragma once
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace check {

using Bytes = std::vector<uint8_t>;

// One after the other. (Of vector::insert at the end of two bytes GCC 12 claims that it writes beyond them.)
inline Bytes joined(const Bytes& first, const Bytes& second) {
  Bytes both(first.size() + second.size());
  std::copy(second.begin(), second.end(), std::copy(first.begin(), first.end(), both.begin()));
  return both;
}

struct Test {
  Test(const char* name, void (*body)());
};

void fail(const char* file, int line, const std::string& what);

inline std::string show(const Bytes& bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  for (uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return "[" + text + "]";
}
template <typename T>
std::string show(const T& value) {
  std::ostringstream text;
  text << +value;
  return text.str();
}
inline std::string show(const std::string& value) {
  return '"' + value + '"';
}
inline std::string show(bool value) {
  return value ? "true" : "false";
}

template <typename A, typename B>
void equal(const A& a, const B& b, const char* text, const char* file, int line) {
  if (!(a == b)) fail(file, line, std::string(text) + ": " + show(a) + ", not " + show(b));
}

}  // namespace check

#define TEST(name)                                       \
  static void name();                                    \
  static const check::Test register_##name(#name, name); \
  static void name()
#define CHECK(condition) ((condition) ? void() : check::fail(__FILE__, __LINE__, #condition " does not hold"))
#define CHECK_EQUAL(a, b) check::equal((a), (b), #a, __FILE__, __LINE__)
