#include "bytefed/learning/sample_store.h"

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

}  // namespace bytefed
