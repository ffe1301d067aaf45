// The board's side of the protocol (SPEC 2 to 4): answers the host, trains in slices, holds the
// delta until it is stored.
#pragma once
#include "bytefed/learning/trainer.h"
#include "bytefed/protocol/transfer.h"
#include "bytefed/session/port.h"

namespace bytefed {

// What of a session outlives a loss of power, beside the arrays of Memory: one record goes with head,
// residual and delta, the other with the samples.
struct RoundRecord {
  uint32_t run, delta_seed, sample_time;
  uint16_t round;
  State state;  // idle or ready
  bool kept, counted;
  Codec delta_codec;
  Begin begin;
  Result result;
};
struct SamplesRecord {
  uint16_t train, test;
  Quantization quantization;
  bool add_done;
  Add add;
};

// All its calls come from one thread: what interrupts bring, the links collect.
class Session {
 public:
  // `memory` and what `port` points to outlive the session.
  Session(const Memory& memory, const Identity& identity, const Port& port);

  // Takes one frame that arrived on `link`, 0..kMaxFrame bytes; bad ones are ignored or answered by
  // ERROR.
  void receive(Link* link, const uint8_t* frame, size_t length);

  // Does a little work: sends what is due, or trains one mini-batch, or evaluates or extracts one
  // sample. True while there is more. Call it often.
  bool poll();

  // Begins to take samples from the sensor, as CAPTURE does: for a button on the board.
  Status capture(const Capture& capture);
  bool capturing() const { return task_ == Task::kCapture; }
  uint8_t capture_label() const { return capture_.label; }  // of the windows that are being taken

  // Whether the board is between two pieces of work: only then its records and Memory fit together.
  bool at_rest() const { return task_ == Task::kNone && (state_ == State::kIdle || state_ == State::kReady); }
  // Count what a loss of power would undo.
  uint32_t round_changes() const { return round_changes_; }
  uint32_t sample_changes() const { return sample_changes_; }
  RoundRecord round_record() const;
  SamplesRecord samples_record() const;
  // Take over what Memory's arrays hold already. False, and nothing is changed, for a record that can't be.
  bool restore(const RoundRecord& record);
  bool restore(const SamplesRecord& record);

  const Link* link() const { return link_; }  // of the last HELLO, null before the first
  State state() const { return state_; }
  uint16_t round() const { return round_; }
  const SampleStore& store() const { return store_; }
  const float* global_head() const { return memory_.global; }

 private:
  enum class Task : uint8_t { kNone, kEvaluate, kTrain, kExtract, kCapture };
  enum class Incoming : uint8_t { kHead, kSamples };

  // session.cpp
  void on_control(Link* link, Kind kind, uint8_t sequence, const uint8_t* body, size_t length);
  void on_hello(Link* link, uint8_t sequence, const uint8_t* body, size_t length);
  void on_info(uint8_t sequence);
  void on_about(uint8_t sequence);
  void on_poll(uint8_t sequence);

  // session_rounds.cpp
  void on_config(uint8_t sequence, const uint8_t* body, size_t length);
  void on_begin(uint8_t sequence, const uint8_t* body, size_t length);
  Status check_begin(const Begin& begin) const;
  bool is_key(const Begin& begin) const;
  bool is_current(const Begin& begin) const;
  void accept(uint8_t sequence);
  void head_arrived();
  Status take_head();
  void start_training();
  void evaluate_one();
  void finish_round();
  void measure_speed(uint32_t elapsed);
  uint16_t expected_wait() const;
  void forget_round();

  // session_delta.cpp
  bool can(uint8_t codec) const;
  bool make_delta();
  bool is_kept(const Begin& begin) const;
  void settle(bool counted);
  void forget_residual();

  // session_samples.cpp
  void on_store(uint8_t sequence);
  void on_add(uint8_t sequence, const uint8_t* body, size_t length);
  Status check_add(const Add& add) const;
  size_t record_size(const Add& add) const;
  void samples_arrived();
  bool labels_valid() const;
  void take_record();

  // session_capture.cpp
  void on_capture(uint8_t sequence, const uint8_t* body, size_t length);
  Status check_capture(const Capture& capture) const;
  bool take_window();

  // session_records.cpp
  void on_save(uint8_t sequence);

  // session_transfers.cpp
  void stop_pull();
  void on_get(uint8_t sequence, const uint8_t* body, size_t length);
  void on_data(const uint8_t* frame, size_t length);
  void on_chunk(const DataHeader& header, const uint8_t* data, size_t length);
  void on_ack(const DataHeader& header, const uint8_t* body, size_t length);
  ChunkPlan plan(size_t length, uint8_t window) const;
  // Makes the header of the answer that is due next, with a body of `size` bytes, and says where that goes.
  uint8_t* start_answer(Kind kind, uint8_t sequence, size_t size);
  template <typename M>
  void answer(uint8_t sequence, const M& message) {
    pack(message, start_answer(M::kKind, sequence, M::kSize));
  }
  void answer_error(uint8_t sequence, Status status) { answer(sequence, Error{status}); }
  void answer_ack();
  void answer_final_ack(Status status);
  bool send_due();
  bool send_result();
  bool send_chunk();

  size_t parameters() const { return memory_.shape.parameters(); }
  const uint8_t* incoming() const { return reinterpret_cast<const uint8_t*>(memory_.local); }
  uint8_t* incoming() { return reinterpret_cast<uint8_t*>(memory_.local); }
  // Where the blob of a head or a delta is: a lossy one beside the values that it is made of, or becomes.
  uint8_t* blob(Codec codec) {
    return reinterpret_cast<uint8_t*>(memory_.local + (is_lossy(codec) ? padded(parameters()) : 0));
  }

  Memory memory_;
  Identity identity_;
  Port port_;
  SampleStore store_;
  Trainer trainer_;
  ChunkReceiver receiver_;
  ChunkSender sender_;

  // Session: from HELLO to the next one.
  Link* link_ = nullptr;
  uint8_t frame_limit_ = kMinFrame;
  bool configured_ = false;
  Config config_ = {};
  uint32_t run_ = 0;

  // Round.
  State state_ = State::kIdle;
  Task task_ = Task::kNone;
  Incoming incoming_kind_ = Incoming::kHead;
  uint16_t round_ = 0;
  Begin begin_ = {};
  Result result_ = {};
  bool kept_ = false;  // `local` has the delta, and of a lossy one what it lacks: the residual if it counts
  bool counted_ = false;  // the host has said so
  Codec delta_codec_ = Codec::kFloat32;
  uint32_t delta_seed_ = 0;
  Status failure_ = Status::kOk;  // why the round under way came to nothing
  uint16_t evaluated_ = 0;
  uint32_t started_ = 0;      // millis() when the blob was complete
  uint32_t sample_time_ = 0;  // microseconds of training a sample, from the last round; 0 unknown

  // Samples under way.
  Add add_ = {};
  uint16_t added_ = 0;
  bool add_done_ = false;
  Capture capture_ = {};
  uint16_t captured_ = 0;

  uint32_t round_changes_ = 0, sample_changes_ = 0;

  // Answers due.
  uint8_t begin_sequence_ = 0, add_sequence_ = 0;
  uint8_t push_transfer_ = 0, pull_transfer_ = 0;
  uint16_t pull_chunks_ = 0;  // 0 until GET: then the delta went inside RESULT
  bool result_due_ = false;
  uint8_t answer_[kHeaderSize + kLargestBody];
  uint8_t answer_length_ = 0;
};

}  // namespace bytefed
