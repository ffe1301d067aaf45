// Keeps a session over a loss of power: decides what is written to flash, and when.
//
// Two images: the round (head, delta, residual, where it stands) and the samples, which are larger and change
// seldom. Neither is needed for a run to come out right: the host can send head and samples again. So
// nothing is written while a host is busy with the board, but once a minute.
#pragma once
#include "bytefed/session/session.h"
#include "bytefed/storage/storage.h"

namespace bytefed {

class Keeper {
 public:
  // All outlive the keeper. `device` belongs to it alone.
  Keeper(const BlockDevice& device, Session& session, const Memory& memory, uint32_t model);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Whether the device has room for this board's images; if not, nothing is ever kept.
  bool fits() const { return fits_; }
  // Gives the session back what was saved last. What can't be read whole is not used.
  void load();
  // The host said something: not now.
  void heard(uint32_t now) { heard_ = now; }
  // Does a little of what is due. Milliseconds.
  void poll(uint32_t now);
  // Writes all that is due before it returns. False when the flash fails.
  bool save();

  bool failed() const { return failed_; }  // at the last attempt
  uint16_t saves() const { return static_cast<uint16_t>(round_.generation() + samples_.generation()); }

 private:
  enum class Saving : uint8_t { kNothing, kRound, kSamples };

  bool start();
  void step(uint32_t now);
  bool is_current() const;
  uint32_t layout(uint32_t model, uint32_t which) const;

  Session& session_;
  HeadShape shape_;
  RoundRecord round_record_ = {};
  SamplesRecord samples_record_ = {};
  Part round_parts_[4], samples_parts_[2];
  bool fits_;
  Image round_, samples_;

  Saving saving_ = Saving::kNothing;
  uint32_t saving_change_ = 0;                    // the session's count when the image was begun
  uint32_t round_saved_ = 0, samples_saved_ = 0;  // the same of what is safe
  uint32_t heard_ = 0, saved_ = 0;                // milliseconds
  bool failed_ = false;
};

}  // namespace bytefed
