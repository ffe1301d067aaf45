// The advertised name: "bytefed-" and the last four digits of the uid.
#pragma once
#include <cstdint>

inline void ble_name(uint64_t uid, char (&name)[13]) {
  static const char digits[] = "0123456789abcdef";
  static const char start[] = "bytefed-";
  for (int i = 0; i < 8; ++i) name[i] = start[i];
  for (int i = 0; i < 4; ++i) name[8 + i] = digits[(uid >> (12 - 4 * i)) & 15u];
  name[12] = '\0';
}
