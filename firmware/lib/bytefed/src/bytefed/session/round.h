// One round on the board, from NEXT or BEGIN to DONE: the head that comes in, local training on it, and the
// delta until the host has said whether it counts (SPEC 5.1). It owns where the round stands, in which run.
#pragma once
#include "bytefed/learning/trainer.h"
#include "bytefed/privacy/noise_share.h"
#include "bytefed/secure_sum/masks.h"
#include "bytefed/session/budget.h"
#include "bytefed/session/outbox.h"

namespace bytefed {

// CONFIG's codec_up without the bit that asks for personal heads.
constexpr uint8_t codec_of(uint8_t codec_up) {
  return static_cast<uint8_t>(codec_up & ~kPersonal);
}

// The request that started a round, NEXT or BEGIN, without its blob.
struct RoundRequest {
  uint16_t round;
  uint8_t codec;  // of the blob
  uint8_t flags;  // RoundFlag::kTrain and the like, without kConfigure
  uint32_t head;  // CRC-32 of the head that the blob leads to
  float step;     // of a round with masks; else 0
};

// The values that are saved to flash together with head, residual and delta.
struct RoundRecord {
  uint32_t run, delta_seed, sample_time;
  uint16_t round;
  State state;  // idle or ready
  bool kept, has_personal, labelled;
  bool guarded;     // nothing in it was made without noise
  bool masked;      // the run's deltas leave only masked
  uint8_t classes;  // of the arrays
  Codec delta_codec;
  RoundRequest request;
  Result result;
};

class Round {
 public:
  // All three outlive the round. Sets all heads and the residual to zero.
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
  // The head that the last training left, where a host asked for personal heads; null: there is none.
  const float* personal() const { return has_personal_ ? memory_.personal : nullptr; }
  // Time until DONE in 10 ms, as ACCEPT says it; 0 when it is not known yet.
  uint16_t expected_wait() const;

  // Forgets round, delta and residual, since another run begins.
  void start_run(uint32_t run);
  // Forgets the heads and all results, too.
  void forget();
  // Notes that the labels' names have changed, which are saved with the heads.
  void relabelled() { ++changes_; }
  // Gives all heads and the residual another shape, as the memory's is now; no round is under way, and a
  // delta of the shape before is none.
  void resize(HeadShape from);
  Status configure(const Config& config);
  void forget_configuration();

  // ---- Noise, and the budget that pays for it

  // Whether the samples have a budget: what tells of them then goes through the noise, or stays.
  bool guarded() const { return budget_.guards(store_); }
  Noised noised() const { return guarded() ? Noised{budget_.total(), budget_.spent()} : Noised{0, 0}; }
  // Takes the noise of the session's rounds, and the budget if the samples have none. No round is under way.
  Status take_noise(const Noise& noise);
  // Takes over the budget that the flash has kept, after all else.
  void restore(const BudgetRecord& record, SampleStore& store);

  // ---- Masks

  // Whether the run's deltas leave only masked.
  bool masked() const { return masked_; }
  bool can_mask() const { return masked_ && masks_.ready(); }
  // Whether UNMASK of the masked delta has to say how many boards are in the sum.
  bool counts_boards() const { return kept_ && least_ != 0; }
  // Whether what tells of single samples stays on the board.
  bool withholds() const { return guarded() || masked_; }
  // Takes the run's plan of a secure sum and draws the board's secret, unless this is the plan that it has.
  // No round is under way, no delta waits.
  Status take_masks(const Mask& plan);
  const Masks& masks() const { return masks_; }
  // Takes points of neighbours, likewise.
  Status take_peers(size_t first, const uint8_t* points, size_t count);
  // Whether the keys that UNMASK asks for may be told, of a sum of so many boards, 0 for not said; and tells
  // them, masks().keys() of them.
  Status check(const Unmask& unmask, uint16_t boards) const;
  void tell_keys(const Unmask& unmask, uint8_t* keys) { masks_.tell(unmask.survivors, keys); }

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
  // The part of the work that is under way.
  enum class Work : uint8_t { kEvaluate, kTrain, kEvaluatePersonal };

  bool supports(uint8_t codec) const;
  Status judge_head(bool proved);
  TrainingConfig training_config() const;
  bool learns() const { return trains() || personal_; }
  bool evaluate_one(const float* head, uint16_t* correct);
  void finish();
  Status check_noise() const;
  // Whether the round's noise is a share of what hides whole boards.
  bool shares() const { return guarded() && noise_.whole; }
  Status start_noise();
  bool make_noisy_delta();
  bool encode_delta();
  Status check_masks(const RoundRequest& request) const;
  size_t sum_words() const { return wants_statistics() ? kSumWords : 2; }
  SumLayout sum_layout_of(Codec codec, size_t words) const {
    return sum_layout(codec, parameters(), masks_.plan().boards, words);
  }
  bool mask_delta();
  bool mask_share();
  uint8_t* sum_lanes(const SumLayout& layout, float** values);
  bool hide(const SumLayout& layout);
  void write_words(float size, uint8_t* blob) const;
  void withhold_statistics();
  void forget_unguarded();
  void keep_personal();
  void measure_speed(uint32_t elapsed);
  bool make_delta();
  void retire_delta(bool counted);
  void clear_heads();
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
  Budget budget_;
  NoisyPass pass_;

  State state_ = State::kIdle;
  Work work_ = Work::kTrain;  // in state kTraining
  bool configured_ = false;
  bool has_personal_ = false;
  bool kept_ = false;  // `local` has the delta, or its encoding error if the codec is lossy
  Codec delta_codec_ = Codec::kFloat32;
  Status failure_ = Status::kOk;
  uint16_t number_ = 0;
  uint32_t run_ = 0;
  Config config_ = {};
  bool noised_ = false;  // whether NOISE came in this session
  bool noisy_ = false;   // the training under way is a NoisyPass
  bool clean_ = true;    // what the flash brought back was made with noise, or with nothing
  NoisePlan noise_ = {};
  float rate_ = 0.0f;  // of the pass under way: a CONFIG in the middle of it is for the next
  bool masked_ = false;
  Masks masks_;
  uint16_t least_ = 0;  // boards that make the noise of the masked delta whole; 0: it is no share
  RoundRequest request_ = {};
  Result result_ = {};
  uint32_t delta_seed_ = 0;
  uint16_t evaluated_ = 0;    // test samples
  bool personal_ = false;     // the trained head is to be judged on the test samples, too
  uint32_t started_ = 0;      // millis() when the blob was complete
  uint32_t sample_time_ = 0;  // microseconds to train on one sample, measured in the last round; 0 unknown
  uint32_t changes_ = 0;
};

}  // namespace bytefed
