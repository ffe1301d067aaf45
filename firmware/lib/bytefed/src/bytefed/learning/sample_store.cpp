#include "bytefed/learning/sample_store.h"

#include <cstring>

#include "bytefed/protocol/crc.h"

namespace bytefed {

uint32_t SampleStore::crc() const {
  Crc32 crc;
  for (uint8_t split = 0; split < 2; ++split) {
    for (uint16_t i = 0; i < count_[split]; ++i) {
      crc.add(record(static_cast<Split>(split), i), record_size(features_));
    }
  }
  crc.add(&quantization_.scale, sizeof quantization_.scale);
  crc.add(&quantization_.zero_point, sizeof quantization_.zero_point);
  return crc.value();
}

uint16_t SampleStore::count(Split split, uint8_t label) const {
  uint16_t found = 0;
  for (uint16_t i = 0; i < count(split); ++i) found += *record(split, i) == label ? 1u : 0u;
  return found;
}

// Once all are gone, those that come are another set.
void SampleStore::truncate(Split split, uint16_t count) {
  BYTEFED_ASSERT(count <= this->count(split));
  count_[static_cast<size_t>(split)] = count;
  if (empty()) ++set_;
}

uint16_t SampleStore::labels() const {
  uint16_t most = 0;
  for (uint16_t i = 0; i < count_[0] + count_[1]; ++i) {
    const uint8_t label = i < count_[0] ? *record(Split::kTrain, i)
                                        : *record(Split::kTest, static_cast<uint16_t>(i - count_[0]));
    if (label >= most) most = static_cast<uint16_t>(label + 1);
  }
  return most;
}

void SampleStore::remove(uint8_t label) {
  constexpr Split kBoth[] = {Split::kTrain, Split::kTest};
  for (const Split split : kBoth) {
    uint16_t kept = 0;
    for (uint16_t i = 0; i < count(split); ++i) {
      const uint8_t* const sample = record(split, i);
      if (*sample == label) continue;
      if (kept != i) std::memcpy(record(split, kept), sample, record_size(features_));
      ++kept;
    }
    truncate(split, kept);
  }
}

}  // namespace bytefed
