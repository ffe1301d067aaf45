#include "entropy.h"

#include "bytefed/seal/primitives.h"
#include "chip.h"

bool NoiseTests::take(uint8_t byte) {
  run_ = byte == last_ && run_ > 0 ? static_cast<uint16_t>(run_ + 1) : uint16_t{1};
  last_ = byte;
  if (at_ == 0) {
    first_ = byte;
    count_ = 0;
  }
  if (byte == first_) ++count_;
  at_ = static_cast<uint16_t>((at_ + 1) % kWindow);
  return run_ < kRepetitions && count_ < kProportion;
}

Entropy::Entropy() {
  uint8_t raw[kRaw];
  for (size_t tested = 0; tested < kFirst && works_; tested += sizeof raw) {
    works_ = read(raw, sizeof raw);
  }
}

bool Entropy::read(uint8_t* raw, size_t length) {
  if (!chip::noise(raw, length)) return false;
  for (size_t i = 0; i < length; ++i) works_ = tests_.take(raw[i]) && works_;
  return works_;
}

// Each draw depends on the noise of all before it, and tells nothing about their results.
bool Entropy::draw(uint8_t* bytes, size_t length) {
  uint8_t raw[kRaw], made[2 * kMost];
  const bool drawn = works_ && length <= kMost && read(raw, sizeof raw);
  if (drawn) {
    bytefed::Blake2b(sizeof made).add(state_, sizeof state_).add(raw, sizeof raw).finish(made);
    std::memcpy(state_, made, sizeof state_);
    std::memcpy(bytes, made + sizeof state_, length);
  }
  bytefed::wipe(raw, sizeof raw);
  bytefed::wipe(made, sizeof made);
  return drawn;
}
