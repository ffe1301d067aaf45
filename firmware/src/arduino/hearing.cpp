#include "bytefed_model.h"

#ifdef BYTEFED_MODEL_SOUND

#include "bytefed_model_sound.h"
#include "hearing.h"

namespace model = bytefed_model;

namespace {

// The first samples behind a start or a gap may be older: the library hands a block over one block late.
constexpr uint16_t kStale = 2 * 256;
constexpr bytefed::SoundWindow kWindow = {{model::kSoundFrame, model::kSoundStep, model::kSoundBands},
                                          model::kSoundFrames,
                                          model::kSoundRate < microphone::kRate,
                                          model::kInputScale,
                                          model::kInputZeroPoint};
static_assert(model::kInputSize == model::kSoundFrames * model::kSoundBands, "an input is a window");

int8_t ring[model::kInputSize];

}  // namespace

const uint16_t Hearing::kHopTime =
    static_cast<uint16_t>(model::kSoundFrames / 2 * 100u * model::kSoundStep / model::kSoundRate);

Hearing::Hearing() {
  ear_.start(kWindow, model::kSoundTables, sizeof model::kSoundTables / sizeof *model::kSoundTables, ring);
}

void Hearing::start(uint32_t) {
  begin_anew();
  ear_.restart_level();
}

void Hearing::begin_anew() {
  while (microphone::read(samples_, kAtOnce) > 0) {
  }
  count_ = next_ = 0;
  lost_ = microphone::lost();
  stale_ = kStale;
  ear_.clear(on_sound_);
}

void Hearing::follow(const bytefed::Session& session) {
  if (session.capturing() == captures_ && session.waits_for_sound() == on_sound_) return;
  captures_ = session.capturing();
  on_sound_ = session.waits_for_sound();
  begin_anew();
  if (captures_) ear_.restart_level();
}

void Hearing::tick(uint32_t) {
  if (microphone::lost() != lost_) begin_anew();  // there is a gap: no window has both of its sides
  if (next_ == count_) {
    count_ = microphone::read(samples_, kAtOnce);
    next_ = 0;
  }
  if (stale_ > 0) {
    stale_ = static_cast<uint16_t>(stale_ > count_ ? stale_ - count_ : 0);
    next_ = count_;
    return;
  }
  next_ = static_cast<uint16_t>(next_ + ear_.take(samples_ + next_, static_cast<size_t>(count_ - next_)));
}

bool Hearing::take(int8_t* input) {
  if (!ear_.complete()) return false;
  ear_.copy(input);
  return true;
}

bytefed::Levelled Hearing::level() const {
  const bytefed::Level& level = ear_.level();
  return {level.peak, static_cast<uint16_t>(level.clipped < UINT16_MAX ? level.clipped : UINT16_MAX)};
}

#endif
