// The largest few per cent of the parameters, all with the same magnitude (SPEC 5.5). Sattler et al., "Robust
// and Communication-Efficient Federated Learning from Non-IID Data" (2019); positions after Elias (1974) and
// Fano (1971), whose size does not depend on them.
#include "bytefed/codec/codec_parts.h"

namespace bytefed {
namespace {

// Sizes that follow from keeping `kept` of `count` parameters.
struct Plan {
  Plan(size_t count_, size_t percent) : count(count_), kept(count_ * percent / 100) {
    if (kept == 0) kept = 1;
    while (kept << (low_bits + 1) <= count) ++low_bits;
  }
  size_t upper_bits() const { return kept + ((count - 1) >> low_bits); }
  size_t upper_start() const { return 8 * kScaleSize + kept * (low_bits + 1); }
  size_t size() const { return (upper_start() + upper_bits() + 7) / 8; }

  size_t count, kept, low_bits = 0;
};

uint32_t get_bit(const uint8_t* blob, size_t at) {
  return blob[at / 8] >> (at % 8) & 1u;
}

void set_bit(uint8_t* blob, size_t at, uint32_t bit) {
  blob[at / 8] = static_cast<uint8_t>(blob[at / 8] | bit << (at % 8));
}

uint32_t rank_of(float value) {
  return (float_bits(value) & ~kSignBit) >> 16;
}

// Picks the parameters with the highest rank, one after the other; among equal ranks the first come first.
class Selection {
 public:
  Selection(const float* values, const Plan& plan) : values_(values), ties_(plan.kept) {
    for (uint32_t bit = 1u << 14; bit != 0; bit >>= 1) {
      if (at_least(rank_ | bit, plan.count) >= plan.kept) rank_ |= bit;
    }
    ties_ -= at_least(rank_ + 1, plan.count);
  }

  // Call it once for each parameter, in order.
  bool takes(size_t i) {
    const uint32_t rank = rank_of(values_[i]);
    if (rank != rank_ || ties_ == 0) return rank > rank_;
    --ties_;
    return true;
  }

 private:
  size_t at_least(uint32_t rank, size_t count) const {
    size_t found = 0;
    for (size_t i = 0; i < count; ++i) found += rank_of(values_[i]) >= rank;
    return found;
  }

  const float* values_;
  uint32_t rank_ = 0;
  size_t ties_;  // parameters of exactly the lowest rank that are still to be taken
};

template <size_t kPercent>
size_t size(size_t count) {
  return Plan(count, kPercent).size();
}

void encode_plan(const Plan& plan, float* values, uint8_t* blob) {
  const Selection selection(values, plan);
  Selection first = selection, second = selection;
  float sum = 0.0f;
  for (size_t i = 0; i < plan.count; ++i) {
    if (first.takes(i)) sum += magnitude(values[i]);
  }
  std::memset(blob, 0, plan.size());
  const uint32_t scale = float_bits(write_scale(sum / static_cast<float>(plan.kept), blob));
  size_t at = 8 * kScaleSize, upper = plan.upper_start();
  for (size_t i = 0; i < plan.count; ++i) {
    if (!second.takes(i)) continue;
    const uint32_t sign = float_bits(values[i]) & kSignBit;
    for (size_t bit = 0; bit < plan.low_bits; ++bit) set_bit(blob, at++, i >> bit & 1u);
    set_bit(blob, at++, sign >> 31);
    set_bit(blob, upper++ + (i >> plan.low_bits), 1);
    values[i] -= float_from_bits(scale | sign);
  }
}

// In bytes that no encoder made, positions may be out of range: they are skipped.
void decode_plan(const Plan& plan, const uint8_t* blob, float* values) {
  std::memset(values, 0, sizeof(float) * plan.count);
  const float scale = read_scale(blob);
  size_t at = 8 * kScaleSize, found = 0;
  for (size_t upper = 0; upper < plan.upper_bits() && found < plan.kept; ++upper) {
    if (get_bit(blob, plan.upper_start() + upper) == 0) continue;
    size_t i = (upper - found++) << plan.low_bits;
    for (size_t bit = 0; bit < plan.low_bits; ++bit) i |= get_bit(blob, at++) << bit;
    const uint32_t negative = get_bit(blob, at++);
    if (i < plan.count) values[i] = negative != 0 ? -scale : scale;
  }
}

template <size_t kPercent>
void encode(size_t count, uint32_t, float* values, uint8_t* blob) {
  encode_plan(Plan(count, kPercent), values, blob);
}

template <size_t kPercent>
void decode(size_t count, uint32_t, const uint8_t* blob, float* values) {
  decode_plan(Plan(count, kPercent), blob, values);
}

}  // namespace

extern const CodecFunctions kStc5Codec = {size<5>, encode<5>, decode<5>};
extern const CodecFunctions kStc10Codec = {size<10>, encode<10>, decode<10>};

}  // namespace bytefed
