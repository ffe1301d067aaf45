// Saves a session so that it survives a loss of power: decides what is written to flash, and when.
//
// Two images: the round (head, delta, residual, where it stands) and the samples, which are larger and change
// seldom. A run is correct without either, since the host can send head and samples again. So
// while a host is busy with the board, nothing is written more often than once a minute.
//
// While a page is erased the chip does nothing else (nRF52840: 85 ms), so the board answers late. Hosts wait
// that long for a board that keeps its state; so that one page is all that an answer ever waits for, pages
// are erased in the host's pauses, or, where there are none, one by one with time between them.
#pragma once
#include "bytefed/session/session.h"
#include "bytefed/storage/storage.h"

namespace bytefed {

class Keeper {
 public:
  // The arguments outlive the keeper. Nothing else uses `device`.
  Keeper(const BlockDevice& device, Session& session, const Memory& memory, uint32_t model);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Whether the device has room for this board's images; if not, nothing is ever saved.
  bool fits() const { return fits_; }
  // Restores the session from the last saved images. An image that can't be read whole is not used.
  void load();
  // Notes that the host said something at `now`, in ms: saving waits until the host is quiet.
  void heard(uint32_t now) { heard_ = now; }
  // Does one small step of the saving that is due. `now` is in ms.
  void poll(uint32_t now);
  // Writes everything that is due before it returns. False if the flash fails or the session is at work.
  bool save();
  // Erases all that was ever saved, by other firmware, too, before it returns: every page of the device that
  // is not blank. The session has forgotten it. False if the flash fails.
  bool erase();

  bool saving() const { return saving_ != Saving::kNothing; }  // whether an image is being written
  bool failed() const { return failed_; }                      // whether the last attempt failed
  uint16_t saves() const { return static_cast<uint16_t>(round_.generation() + samples_.generation()); }

 private:
  enum class Saving : uint8_t { kNothing, kRound, kSamples };

  bool start();
  void step(uint32_t now);
  bool is_current() const;
  bool may_step(uint32_t now);
  void give_up(uint32_t now);
  Image& image() { return saving_ == Saving::kRound ? round_ : samples_; }
  bool is_blank(uint32_t page) const;
  uint32_t round_layout(uint32_t model) const;
  uint32_t samples_layout(const Memory& memory, uint32_t model) const;

  BlockDevice device_;
  Session& session_;
  HeadShape shape_;
  RoundRecord round_record_ = {};
  SamplesRecord samples_record_ = {};
  Part round_parts_[6], samples_parts_[2];
  bool fits_;
  Image round_, samples_;

  Saving saving_ = Saving::kNothing;
  uint32_t saving_change_ = 0;                    // change counter of the session when the image was begun
  uint32_t round_saved_ = 0, samples_saved_ = 0;  // change counters at the last complete images
  uint32_t heard_ = 0, saved_ = 0, erased_ = 0;   // in ms
  bool failed_ = false;
};

}  // namespace bytefed
