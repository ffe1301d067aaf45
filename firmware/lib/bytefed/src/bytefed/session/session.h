// The board's side of the protocol (SPEC 2 to 4): takes frames, asks its four parts (round, intake, watch,
// outbox) to act on them, and works in slices. Each part owns its state; the session knows who speaks to the
// board and what the host is pushing.
#pragma once
#include "bytefed/seal/blob_seal.h"
#include "bytefed/session/intake.h"
#include "bytefed/session/labels.h"
#include "bytefed/session/outbox.h"
#include "bytefed/session/round.h"
#include "bytefed/session/watch.h"

namespace bytefed {

// All calls come from one thread: interrupt handlers only collect, the links hand over in the main loop.
class Session {
 public:
  // `memory` and what `port` points to outlive the session.
  Session(const Memory& memory, const Identity& identity, const Port& port);
  Session(const Session&) = delete;  // the parts refer to each other
  Session& operator=(const Session&) = delete;

  // Takes one frame that arrived on `link`, 0..kMaxFrame bytes; bad ones are ignored or answered by
  // ERROR.
  void receive(Link* link, const uint8_t* frame, size_t length);

  // The connection behind `link` has ended, and its session with it: who connects next says HELLO.
  void closed(const Link* link);

  // Forgets samples, labels, head, residual, delta and run, in memory: for a new key. The session goes on.
  void forget();

  // ---- Sessions that a sealed link opens

  // Whether another link has a session that a host on this one can't take for that run.
  bool has_other(const Link* link, uint32_t run) const;
  // The answer that HELLO of that run would get, on a link with that frame limit.
  Welcomed preview(const Link& link, uint32_t run, uint8_t frame_limit) const;
  Board board() const;
  Stored stored() const;
  // Does what HELLO does. `told` is the change counter of the samples that the host knows.
  void open(Link* link, uint32_t run, uint8_t frame_limit, uint32_t told);

  // Does a little work: sends what is due, or trains one mini-batch, or evaluates or extracts one
  // sample. True while there is more. Call it often.
  bool poll();

  // Begins to take samples from the sensor, as CAPTURE does: for a button on the board.
  Status capture(const Capture& capture);
  // Ends the capture under way; the host that began it hears how far it came.
  void end_capture() { intake_.end_capture(); }
  bool capturing() const { return intake_.capturing(); }
  uint8_t capture_label() const { return intake_.capture_label(); }
  bool waits_for_sound() const { return capturing() && intake_.waits_for_sound(); }

  // Whether windows of the sensor are wanted, to capture, classify or record them.
  bool sensing() const { return capturing() || watch_.takes(); }
  // Whether windows are classified; the last one's label is told by watched().
  bool classifying() const { return watch_.classifies() && !capturing(); }
  const Classified& watched() const { return watch_.last(); }

  // Whether the board is between two pieces of work: only then do its records and Memory fit together.
  bool at_rest() const;
  // Whether the samples are; they may be while a round is under way.
  bool samples_at_rest() const { return intake_.state() == State::kIdle && !capturing(); }
  // Whether a delta waits until the host releases it; ADD or CAPTURE would overwrite it.
  bool holds_delta() const { return round_.has_delta(); }
  // Change counters: the keeper saves when they move.
  uint32_t round_changes() const { return round_.changes(); }
  uint32_t sample_changes() const { return intake_.changes(); }
  RoundRecord round_record() const;
  SamplesRecord samples_record() const { return intake_.record(); }
  // Take over what Memory's arrays hold already, first the round's, then the samples'. Return false and
  // change nothing if the record is invalid.
  bool restore(const RoundRecord& record);
  bool restore(const SamplesRecord& record);
  // Takes over the budget that the flash has kept, after both; one without meaning is none.
  void restore(const BudgetRecord& record) { round_.restore(record, intake_.store()); }

  const Link* link() const { return outbox_.link(); }  // of the session; null without one
  State state() const;                                 // as WELCOME says it
  uint16_t round() const { return round_.number(); }
  const SampleStore& store() const { return intake_.store(); }
  const float* global_head() const { return memory_.global; }

 private:
  enum class Pushed : uint8_t { kHead, kSamples };

  // session.cpp
  void on_control(Link* link, uint8_t byte, uint8_t sequence, const uint8_t* body, size_t length);
  void on_hello(Link* link, uint8_t sequence, const uint8_t* body, size_t length);
  void on_about(uint8_t sequence);
  bool work();
  void on_poll(uint8_t sequence);
  void on_poll_of_add(uint8_t sequence);
  void on_save(uint8_t sequence);
  bool send_due();
  void abandon();
  bool is_of_another_run(uint32_t run) const { return run != kVisit && run != round_.run(); }
  void enter_run();

  // session_rounds.cpp
  void on_config(uint8_t sequence, const uint8_t* body, size_t length);
  void on_next(uint8_t flags, uint8_t sequence, const uint8_t* body, size_t length);
  void on_begin(uint8_t flags, uint8_t sequence, const uint8_t* body, size_t length);
  Status configure(uint8_t flags, const uint8_t* body, size_t length, size_t* used);
  Status check(const RoundRequest& request) const;
  void start(const RoundRequest& request, uint8_t sequence);
  bool find_seal(const uint8_t* body, size_t length, size_t* used, BlobSeal* seal) const;
  bool is_pushed_blob(const void* blob) const;
  void go_on(uint8_t sequence);
  void accept(uint8_t sequence);
  void on_release(uint8_t sequence, const uint8_t* body, size_t length);
  void on_get(uint8_t sequence, const uint8_t* body, size_t length);
  void on_data(const uint8_t* frame, size_t length);
  void on_chunk(const DataHeader& header, const uint8_t* data, size_t length);
  void on_ack(const DataHeader& header, const uint8_t* body, size_t length);
  void head_arrived();

  // session_samples.cpp
  Stored tell_stored();
  void on_add(uint8_t sequence, const uint8_t* body, size_t length);
  Status check(const Add& add) const;
  ChunkPlan plan(const Add& add) const;
  void samples_arrived();
  void on_capture(uint8_t sequence, const uint8_t* body, size_t length);
  void on_discard(uint8_t sequence, const uint8_t* body, size_t length);

  // session_labels.cpp
  void on_label(uint8_t sequence, const uint8_t* body, size_t length);
  Status check(const Label& label, const uint8_t* name, size_t length) const;
  bool is_set(const Label& label, const uint8_t* name, size_t length) const;
  void set_classes(uint8_t classes);

  // session_noise.cpp
  void on_noise(uint8_t sequence, const uint8_t* body, size_t length);
  Status take_noise(const Noise& noise);

  // session_masks.cpp
  bool can_set_up() const;
  void on_mask(uint8_t sequence, const uint8_t* body, size_t length);
  void on_peers(uint8_t sequence, const uint8_t* body, size_t length);
  void on_unmask(uint8_t sequence, const uint8_t* body, size_t length);
  Status find_step(const uint8_t* body, size_t length, size_t* used, RoundRequest* request) const;

  // session_watch.cpp
  void on_classify(uint8_t sequence, const uint8_t* body, size_t length);
  void on_record(const Link& link, uint8_t sequence, const uint8_t* body, size_t length);
  void on_level(const Link& link, uint8_t sequence);
  Status check_raw(const Link& link) const;
  Status check_sensing() const;
  const float* watched_head() const;
  bool watch_step();
  void answer_watch();
  bool can_show() const;
  void show();
  size_t write_prediction(char (&text)[kPhoneText]) const;

  Memory memory_;
  uint8_t first_classes_;  // columns of a head whose labels nobody has set
  Identity identity_;
  Port port_;
  Labels labels_;
  Intake intake_;
  Round round_;
  Watch watch_;
  Outbox outbox_;

  // The CLASSIFY or RECORD that waits for another window than the one it knows.
  Kind awaited_ = Kind::kInfo;  // neither
  uint8_t awaited_sequence_ = 0;
  Record awaited_part_ = {};
  uint16_t shown_ = 0;  // number of the window that phones can read of; 0 for none

  uint32_t asked_run_ = kVisit;  // of the last HELLO; entered with the first request that needs it
  bool asked_ = false;           // whether this session has made the request that `push_sequence_` names
  uint32_t told_samples_ = 0;    // change counter of the samples that the host was told of last

  // The kind of the current or last push: a round's head or an ADD's records.
  Pushed pushed_ = Pushed::kHead;
  uint32_t heard_ = 0;  // millis of the session's last frame, or of the end of the work that it waits for
  ChunkReceiver receiver_;
  BlobSeal push_seal_ = {};  // of that blob, on a sealed link
  uint8_t push_transfer_ = 0;
  uint8_t push_sequence_ = 0;  // of the NEXT, BEGIN or ADD: what POLL may ask about
};

}  // namespace bytefed
