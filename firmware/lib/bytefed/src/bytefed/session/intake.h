// The intake of samples into the store: by a transfer of records that the host pushes (ADD), or by windows
// of the board's own sensor (CAPTURE). It owns the store and the state of the intake under way.
#pragma once
#include "bytefed/learning/sample_store.h"
#include "bytefed/session/port.h"

namespace bytefed {

// The values that are saved to flash together with the samples.
struct SamplesRecord {
  static constexpr uint8_t kSensed = 0xA5;

  uint16_t train, test;
  Quantization quantization;
  bool add_done;
  uint8_t sensed;  // kSensed, or anything else: older firmware left here what the memory held
  uint16_t set;    // SampleStore::set(); from older firmware any number, which serves as well
  Add add;
};

class Intake {
 public:
  // All three outlive the intake. Records arrive in the head's memory.
  Intake(const Memory& memory, const Identity& identity, const Port& port);

  const SampleStore& store() const { return store_; }
  SampleStore& store() { return store_; }
  // Idle; receiving an ADD's records; or training, as the wire calls it, while the extractor works on them.
  State state() const;
  bool extracting() const { return phase_ == Phase::kExtracting; }
  bool capturing() const { return phase_ == Phase::kCapturing; }
  Status failure() const { return failure_; }  // why the last ADD came to nothing
  bool add_done() const { return add_done_; }  // the last ADD is stored

  // Ends an ADD that is under way, without a trace in the store. CAPTURE goes on.
  void abandon();

  // Forgets all samples, and ends what is under way.
  void forget();

  // Whether some of the samples came from the sensor.
  bool sensed() const { return sensed_; }

  // ---- DISCARD

  // Forgets the samples that it names. No ADD and no CAPTURE is under way.
  void discard(const Discard& discard);

  // ---- ADD

  bool is_same(const Add& add) const;  // as the last ADD
  Status check(const Add& add) const;
  size_t transfer_size(const Add& add) const { return add.count * record_size(add); }  // bytes
  // Where its records arrive: in the head's memory or, if one window is larger than that, where windows are
  // classified.
  uint8_t* records_of(const Add& add) const;
  const uint8_t* records() const { return records_of(add_); }  // of the last ADD
  // Whether an ADD under way needs the memory of windows that are classified.
  bool holds_window() const { return state() != State::kIdle && records() != local(); }
  // Begins an ADD that check() found good; the intake is idle.
  void start(const Add& add);
  // Checks the records, now that all are in memory, and begins to store them; returns what is wrong.
  Status records_arrived(bool proved);
  // Stores one record. True when the ADD is over: done, or come to nothing by failure().
  bool store_record();

  // ---- CAPTURE

  bool is_same(const Capture& capture) const;  // as the one under way, or the last one if nothing came after
  Status check(const Capture& capture) const;
  // Where a window is taken: into the head's memory or, if that is too small, where windows are classified.
  int8_t* window() const;
  // Begins a CAPTURE that check() found good; the intake is idle.
  void start(const Capture& capture);
  // Ends the one under way; the same CAPTURE then tells how far it came.
  void end_capture();
  // The same, and the same CAPTURE begins anew.
  void stop_capture();
  // Takes one window. False when the sensor's next one is not complete yet.
  bool take_window();
  uint16_t captured() const { return captured_; }           // windows so far
  uint8_t capture_label() const { return capture_.label; }  // label of the windows that are being taken
  bool waits_for_sound() const { return (capture_.kind & Capture::kOnSound) != 0; }  // for each of them

  // ---- Flash

  uint32_t changes() const { return changes_; }  // moves whenever the samples do
  SamplesRecord record() const;
  // Takes over samples that memory.samples holds already. Returns false and changes nothing if the record
  // is invalid.
  bool restore(const SamplesRecord& record);

 private:
  enum class Phase : uint8_t { kIdle, kReceiving, kExtracting, kCapturing };

  void note_rest();
  unsigned held() const { return store_.count(Split::kTrain) + store_.count(Split::kTest); }
  size_t record_size(const Add& add) const;
  uint8_t* local() const { return reinterpret_cast<uint8_t*>(memory_.local); }
  size_t local_size() const { return sizeof(float) * memory_.largest().parameters(); }
  bool labels_valid() const;

  const Memory& memory_;
  const Identity& identity_;
  const Port& port_;
  SampleStore store_;
  Phase phase_ = Phase::kIdle;
  Status failure_ = Status::kOk;
  bool add_done_ = false;
  bool sensed_ = false;
  Add add_ = {};
  uint16_t added_ = 0;  // records stored so far
  Capture capture_ = {};
  uint16_t captured_ = 0;
  uint32_t waits_since_ = 0;  // millis of the capture's last window, or of its start
  uint32_t changes_ = 0;
};

}  // namespace bytefed
