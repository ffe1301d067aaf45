#include "bytefed/session/watch.h"

#include "bytefed/learning/exact_math.h"

namespace bytefed {
namespace {

constexpr uint32_t kPatience = 5000;  // ms without CLASSIFY and RECORD after which a board stops
constexpr uint8_t kBits = 8;          // of a threshold

}  // namespace

void Watch::classify(const Classify& asked) {
  const uint8_t mode = static_cast<uint8_t>(asked.mode & ~Classify::kStop);
  const bool anew = !classifies_ || ((mode ^ mode_) & Classify::kPersonal) != 0 || asked.unknown != unknown_;
  mode_ = mode;
  unknown_ = asked.unknown;
  takes_ = classifies_ = true;
  asked_ = port_.millis(port_.context);
  if (!anew) return;
  begin_search();
  judged_ = 0;  // the last window was judged otherwise, or not at all
}

void Watch::record() {
  takes_ = true;
  asked_ = port_.millis(port_.context);
}

bool Watch::shows() const {
  return classifies_ && (mode_ & Classify::kShow) != 0;
}

bool Watch::active() {
  if (!takes_ || (classifies_ && (mode_ & Classify::kAlone) != 0)) return takes_;
  if (port_.millis(port_.context) - asked_ >= kPatience) stop();
  return takes_;
}

bool Watch::step(const float* head, uint32_t version) {
  if (classifies_ && version != version_) {
    version_ = version;
    begin_search();
  }
  if (busy()) {
    calibrate(head);
    return false;
  }
  if (!port_.sense(port_.context, memory_.window)) return false;
  number_ = number_ == 0xFFFF ? 1 : static_cast<uint16_t>(number_ + 1);
  spoilt_ = false;
  if (classifies_) judge(head);
  return true;
}

void Watch::begin_search() {
  bits_ = kBits;
  threshold_ = 0;
  position_ = below_ = 0;
}

// Judges one of the board's own samples. The largest threshold below which at most so many of them lie has a
// bit set where they still do with it.
void Watch::calibrate(const float* head) {
  const Split split = store_.count(Split::kTest) > 0 ? Split::kTest : Split::kTrain;
  const uint16_t count = store_.count(split);
  if (unknown_ == 0 || count == 0) {
    bits_ = 0;
    return;
  }
  const uint8_t tried = static_cast<uint8_t>(threshold_ | 1u << (bits_ - 1));
  uint8_t label;
  const int8_t* const features = store_.get(split, position_).features;
  if (confidence(head, features, store_.quantization(), &label) < tried) ++below_;
  if (++position_ < count) return;
  if (static_cast<uint32_t>(below_) * 100u <= static_cast<uint32_t>(unknown_) * count) threshold_ = tried;
  position_ = below_ = 0;
  --bits_;
}

// The probability of the likeliest label, in units of 1/255, and that label.
uint8_t Watch::confidence(const float* head, const int8_t* features, Quantization quantization,
                          uint8_t* label) const {
  float* const z = memory_.workspace;
  const size_t classes = memory_.shape.classes;
  logits(head, features, quantization, memory_.shape, z);
  const size_t best = argmax(z, classes);
  *label = static_cast<uint8_t>(best);
  const float largest = z[best];
  float sum = 0.0f;
  for (size_t c = 0; c < classes; ++c) sum += exact_exp(z[c] - largest);
  // Logits of a head that is very large may be no numbers: then nothing is likely.
  return sum >= 1.0f ? static_cast<uint8_t>(255.0f / sum) : uint8_t{0};
}

void Watch::judge(const float* head) {
  int8_t* const features = memory_.window + identity_.input_size;
  failed_ = !port_.extract(port_.context, memory_.window, features);
  judged_ = number_;
  if (failed_) return;
  last_.window = number_;
  last_.threshold = threshold_;
  last_.confidence = confidence(head, features, identity_.features, &last_.likeliest);
  last_.label = last_.confidence < threshold_ ? kNoLabel : last_.likeliest;
}

}  // namespace bytefed
