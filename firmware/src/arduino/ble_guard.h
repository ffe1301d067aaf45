// Keeps one central's connection from being of use to the next, and from being held by silence (SPEC 1.2).
#pragma once
#include <cstdint>

#include "bytefed/session/sealed_link.h"

namespace ble {

constexpr uint32_t kPatience = 10000;       // ms that a central may be connected without a session
constexpr uint32_t kGuestPatience = 60000;  // the same, where its GREET was answered, or phones may read

class Guard {
 public:
  // Whether a connection has ended since the last call. `ends` counts those that have; it wraps around.
  bool ended(uint8_t ends, uint32_t now) {
    if (ends == ends_) return false;
    ends_ = ends;
    since_ = now;
    return true;
  }

  // Whether it is time to disconnect the central: once, and again when that was no use for as long.
  bool lets_go(bool connected, const bytefed::SealedLink& seal, bool shows, uint32_t now) {
    if (!connected || seal.has_session()) since_ = now;
    if (now - since_ < (seal.has_greeted() || shows ? kGuestPatience : kPatience)) return false;
    since_ = now;
    return true;
  }

 private:
  uint8_t ends_ = 0;
  uint32_t since_ = 0;
};

}  // namespace ble
