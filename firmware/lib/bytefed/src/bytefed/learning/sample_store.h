// Samples as int8 feature vectors with their labels, in memory that the caller owns.
#pragma once
#include "bytefed/assert.h"
#include "bytefed/learning/head.h"

namespace bytefed {

struct Sample {
  uint8_t label;
  const int8_t* features;  // [D]
};

enum class Split : uint8_t { kTrain = 0, kTest = 1 };

// Training samples grow from the front, test samples from the back, until they meet.
class SampleStore {
 public:
  static constexpr size_t record_size(uint16_t features) { return 1u + features; }

  // `memory` holds capacity * record_size(D) bytes and outlives the store.
  SampleStore(uint8_t* memory, uint16_t capacity, uint16_t features)
      : memory_(memory), capacity_(capacity), features_(features) {}

  uint16_t capacity() const { return capacity_; }
  uint16_t features() const { return features_; }
  uint16_t count(Split split) const { return count_[static_cast<size_t>(split)]; }
  bool empty() const { return count_[0] + count_[1] == 0; }
  bool full() const { return count_[0] + count_[1] >= capacity_; }
  Quantization quantization() const { return quantization_; }
  void set_quantization(Quantization quantization) { quantization_ = quantization; }

  // Takes over samples that `memory` holds already. Returns false and changes nothing if they can't fit
  // there.
  bool restore(uint16_t train, uint16_t test, Quantization quantization, uint16_t set) {
    if (train + test > capacity_) return false;
    set_ = set;
    count_[0] = train;
    count_[1] = test;
    quantization_ = quantization;
    return true;
  }

  // Forgets all samples of a split but the first `count`. count <= count(split).
  void truncate(Split split, uint16_t count);

  // The number of the set that the samples belong to: it moves whenever the last sample has gone, and so
  // tells samples from others that came in their place.
  uint16_t set() const { return set_; }
  void begin_set(uint16_t set) { set_ = set; }

  uint16_t count(Split split, uint8_t label) const;
  // The largest label and one: columns that a head for these samples has at least.
  uint16_t labels() const;
  // Forgets all samples of a label, of both splits; the others keep their order.
  void remove(uint8_t label);

  // Returns where the next sample's features go, null if the store is full. Fill it in, then commit.
  int8_t* next(Split split) {
    if (full()) return nullptr;
    return reinterpret_cast<int8_t*>(record(split, count(split)) + 1);
  }
  void commit(Split split, uint8_t label) {
    BYTEFED_ASSERT(!full());
    *record(split, count(split)) = label;
    ++count_[static_cast<size_t>(split)];
  }

  // index < count(split).
  Sample get(Split split, uint16_t index) const {
    BYTEFED_ASSERT(index < count(split));
    const uint8_t* at = record(split, index);
    return {*at, reinterpret_cast<const int8_t*>(at + 1)};
  }

  // CRC-32 over all records, training samples first, then scale and zero point of the features.
  uint32_t crc() const;

 private:
  uint8_t* record(Split split, uint16_t index) const {
    const uint16_t slot = split == Split::kTrain ? index : static_cast<uint16_t>(capacity_ - 1 - index);
    return memory_ + slot * record_size(features_);
  }

  uint8_t* memory_;
  uint16_t capacity_;
  uint16_t features_;
  uint16_t count_[2] = {0, 0};
  Quantization quantization_ = {1.0f, 0};
  uint16_t set_ = 0;
};

}  // namespace bytefed
