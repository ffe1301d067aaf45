// The board at use: it takes the sensor's windows one by one, classifies them by a head, and keeps the last
// one for a host that asks for it raw (SPEC 3: CLASSIFY, RECORD).
#pragma once
#include "bytefed/learning/sample_store.h"
#include "bytefed/session/port.h"

namespace bytefed {

class Watch {
 public:
  // All outlive the watch. Without Memory::window it is never used.
  Watch(const Memory& memory, const Identity& identity, const Port& port, const SampleStore& store)
      : memory_(memory), identity_(identity), port_(port), store_(store) {}

  // Classifies windows from now on, as CLASSIFY asks.
  void classify(const Classify& asked);
  // Takes windows for a while, as RECORD asks; a classification under way goes on.
  void record();
  void stop() { takes_ = classifies_ = false; }
  // Another one writes where the last window is: it is not to be told any more.
  void spoil() { spoilt_ = true; }
  // Forgets what was told last, too: its threshold was found on samples.
  void forget() {
    stop();
    last_ = {};
  }

  // Whether windows are taken. Ends them when nobody has asked for some time.
  bool active();
  bool takes() const { return takes_; }
  bool classifies() const { return classifies_; }
  // Whether everybody near may read what is classified.
  bool shows() const;
  bool personal() const { return (mode_ & Classify::kPersonal) != 0; }
  // Does a little work with the head that classifies; `version` moves with samples and head. True when there
  // is a new window.
  bool step(const float* head, uint32_t version);
  // Whether step() has work that does not wait for the sensor.
  bool busy() const { return classifies_ && bits_ > 0; }

  uint16_t number() const { return number_; }              // of the last window; 0 before the first
  bool holds() const { return number_ != 0 && !spoilt_; }  // whether the last window is still there
  bool judged() const { return judged_ == number_; }       // whether the last window has been classified
  bool failed() const { return failed_; }                  // the extractor could not take it
  const Classified& last() const { return last_; }         // of the last window that was classified
  const int8_t* window() const { return memory_.window; }  // input_size values

 private:
  void begin_search();
  void calibrate(const float* head);
  uint8_t confidence(const float* head, const int8_t* features, Quantization quantization,
                     uint8_t* label) const;
  void judge(const float* head);

  const Memory& memory_;
  const Identity& identity_;
  const Port& port_;
  const SampleStore& store_;

  bool takes_ = false, classifies_ = false, failed_ = false, spoilt_ = false;
  uint8_t mode_ = 0, unknown_ = 0;
  uint16_t number_ = 0, judged_ = 0;  // no window has number 0
  uint32_t asked_ = 0;                // millis of the last CLASSIFY or RECORD
  Classified last_ = {};

  // The search for the threshold: its bits from the highest on, one pass over the samples each.
  uint8_t threshold_ = 0, bits_ = 0;
  uint16_t position_ = 0, below_ = 0;
  uint32_t version_ = 0;
};

}  // namespace bytefed
