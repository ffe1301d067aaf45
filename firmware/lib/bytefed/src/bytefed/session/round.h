// One round on the board, from NEXT or BEGIN to DONE: the head that comes in, local training on it, and the
// delta until the host has said whether it counts (SPEC 5.1). It owns where the round stands, in which run.
#pragma once
#include "bytefed/learning/trainer.h"
#include "bytefed/session/outbox.h"

namespace bytefed {

// The request that started a round, NEXT or BEGIN, without its blob.
struct RoundRequest {
  uint16_t round;
  uint8_t codec;  // of the blob
  uint8_t flags;  // RoundFlag::kTrain and the like, without kConfigure
  uint32_t head;  // CRC-32 of the head that the blob leads to
};

// The values that are saved to flash together with head, residual and delta.
struct RoundRecord {
  uint32_t run, delta_seed, sample_time;
  uint16_t round;
  State state;  // idle or ready
  bool kept;
  Codec delta_codec;
  RoundRequest request;
  Result result;
};

class Round {
 public:
  // All three outlive the round. Sets the global head and the residual to zero.
  Round(const Memory& memory, const Port& port, const SampleStore& store);

  State state() const { return state_; }
  uint32_t run() const { return run_; }
  uint16_t number() const { return number_; }
  Status failure() const { return failure_; }  // why the last round came to nothing
  const Result& result() const { return result_; }
  bool trains() const { return (request_.flags & RoundFlag::kTrain) != 0; }
  // Whether the host asked for RESULT, not DONE.
  bool wants_statistics() const { return (request_.flags & RoundFlag::kStatistics) != 0; }
  bool has_delta() const { return kept_; }
  Delta delta() const;
  // Time until DONE in 10 ms, as ACCEPT says it; 0 when it is not known yet.
  uint16_t expected_wait() const;

  // Forgets round, delta and residual, since another run begins.
  void start_run(uint32_t run);
  // Forgets the head and all results, too.
  void forget();
  Status configure(const Config& config);
  void forget_configuration() { configured_ = false; }

  // ---- The request and the head

  bool is_current(const RoundRequest& request) const;  // the request of the round under way
  Status check(const RoundRequest& request) const;
  Status check_training(const RoundRequest& request) const;  // has the board what training needs?
  // Finds the codec of a NEXT's blob by its size. kBadLength, or kNoConfig, if there is none.
  Status find_codec(size_t size, uint8_t* codec) const;
  // Begins to receive the head of a request that both checks found good. The delta before it is given up.
  void start(const RoundRequest& request);
  uint8_t* head_blob() { return blob(static_cast<Codec>(request_.codec)); }
  // Checks the blob in head_blob() and makes it the global head. A bad one, or one that its seal does not
  // prove, ends the round, and leaves the old head as it was.
  Status take_head(bool proved);
  // Does the same where no blob came, since the board is to hold the head already.
  Status take_held_head();

  // ---- Training

  void start_training();
  bool training() const { return state_ == State::kTraining; }
  // Evaluates one sample or trains one mini-batch. True when the work is done with that.
  bool step();

  // ---- The delta

  // Ends the round, whose delta has counted, or not.
  void release(bool counted);
  // Ends the round.
  void abandon();

  // ---- Flash

  uint32_t changes() const { return changes_; }  // moves whenever what is saved does
  RoundRecord record() const;
  // Takes over what memory's arrays hold already. Returns false and changes nothing if the record is invalid.
  bool restore(const RoundRecord& record);

 private:
  bool supports(uint8_t codec) const;
  Status judge_head(bool proved);
  void evaluate_one();
  void finish();
  void measure_speed(uint32_t elapsed);
  bool make_delta();
  void retire_delta(bool counted);
  void forget_residual();

  size_t parameters() const { return memory_.shape.parameters(); }
  // Returns the place of a head's or delta's blob. A lossy blob lies beside the values that it encodes.
  uint8_t* blob(Codec codec) const {
    return reinterpret_cast<uint8_t*>(memory_.local + (is_lossy(codec) ? padded(parameters()) : 0));
  }

  const Memory& memory_;
  const Port& port_;
  const SampleStore& store_;
  Trainer trainer_;

  State state_ = State::kIdle;
  bool evaluating_ = false;  // the first part of training, if statistics are wanted
  bool configured_ = false;
  bool kept_ = false;  // `local` has the delta, or its encoding error if the codec is lossy
  Codec delta_codec_ = Codec::kFloat32;
  Status failure_ = Status::kOk;
  uint16_t number_ = 0;
  uint32_t run_ = 0;
  Config config_ = {};
  RoundRequest request_ = {};
  Result result_ = {};
  uint32_t delta_seed_ = 0;
  uint16_t evaluated_ = 0;    // test samples
  uint32_t started_ = 0;      // millis() when the blob was complete
  uint32_t sample_time_ = 0;  // microseconds to train on one sample, measured in the last round; 0 unknown
  uint32_t changes_ = 0;
};

}  // namespace bytefed
