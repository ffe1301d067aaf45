// The names of the labels that the head's columns stand for (SPEC 3: LABEL).
#pragma once
#include <cstring>

#include "bytefed/session/port.h"

namespace bytefed {

class Labels {
 public:
  // `memory` outlives the labels. They have no names at first.
  explicit Labels(const Memory& memory) : memory_(memory) { forget(); }

  // Whether somebody has set them.
  bool set() const { return set_; }
  // 0..kLabelName bytes, without an end.
  const char* name(uint8_t label) const { return memory_.names + label * kLabelName; }
  size_t length(uint8_t label) const {
    const void* const end = std::memchr(name(label), 0, kLabelName);
    return end != nullptr ? static_cast<size_t>(static_cast<const char*>(end) - name(label)) : kLabelName;
  }
  bool is(uint8_t label, const uint8_t* name, size_t length) const {
    return length == this->length(label) && std::memcmp(name, this->name(label), length) == 0;
  }

  // length <= kLabelName, and no byte is 0.
  void name(uint8_t label, const uint8_t* name, size_t length) {
    drop(label, 1);
    if (length > 0) std::memcpy(memory_.names + label * kLabelName, name, length);
    set_ = true;
  }
  // Forgets the names from `first` on.
  void drop_from(uint8_t first) { drop(first, memory_.most_classes - first); }
  void forget() {
    drop_from(0);
    set_ = false;
  }
  // Takes over names that the memory holds already.
  void restore(bool set) { set_ = set; }

 private:
  void drop(uint8_t first, int count) {
    std::memset(memory_.names + first * kLabelName, 0, static_cast<size_t>(count) * kLabelName);
  }

  const Memory& memory_;
  bool set_ = false;
};

}  // namespace bytefed
