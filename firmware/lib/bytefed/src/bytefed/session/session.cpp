// The session: serves the host's requests and decides what the board does next.
#include "bytefed/session/session.h"

#include <cstring>

#include "bytefed/learning/self_test.h"

namespace bytefed {
namespace {

constexpr uint32_t kHold = 10000;  // ms of silence after which another link may take a session (SPEC 3)

void refuse(Link* link, uint8_t sequence, Status status) {
  uint8_t frame[kHeaderSize + Error::kSize];
  pack_control_header(Kind::kError, sequence, frame);
  pack(Error{status}, frame + kHeaderSize);
  link->send(link->context, frame, sizeof frame);  // without room it is lost: the host asks again
}

uint8_t smaller(uint8_t a, uint8_t b) {
  return a < b ? a : b;
}

}  // namespace

Session::Session(const Memory& memory, const Identity& identity, const Port& port)
    : memory_(memory),
      first_classes_(memory.shape.classes),
      identity_(identity),
      port_(port),
      labels_(memory_),
      intake_(memory_, identity_, port_),
      round_(memory_, port_, intake_.store()),
      watch_(memory_, identity_, port_, intake_.store()) {
  if (!arithmetic_is_exact()) identity_.capabilities |= Board::kInexact;
}

State Session::state() const {
  return intake_.state() != State::kIdle ? intake_.state() : round_.state();
}

bool Session::at_rest() const {
  return (state() == State::kIdle || state() == State::kReady) && !capturing();
}

// Ends round and ADD, whichever is under way. CAPTURE goes on.
void Session::abandon() {
  intake_.abandon();
  round_.abandon();
  outbox_.stop();
}

void Session::receive(Link* link, const uint8_t* frame, size_t length) {
  if (length < kHeaderSize || length > kMaxFrame) return;
  if (link == outbox_.link()) heard_ = port_.millis(port_.context);
  if (is_data(frame)) {
    if (link == outbox_.link()) on_data(frame, length);
    return;
  }
  on_control(link, frame[0], frame[1], frame + kHeaderSize, length - kHeaderSize);
}

void Session::on_control(Link* link, uint8_t byte, uint8_t sequence, const uint8_t* body, size_t length) {
  const Kind kind = static_cast<Kind>(byte);
  if (kind == Kind::kHello && link->seal == nullptr) return on_hello(link, sequence, body, length);
  if (kind == Kind::kGreet) return refuse(link, sequence, Status::kUnpaired);  // a sealed link takes its own
  // The session belongs to the link of the last HELLO that was taken.
  if (link != outbox_.link()) return refuse(link, sequence, Status::kNoSession);
  awaited_ = Kind::kInfo;  // a host has one request at a time
  switch (static_cast<Kind>(byte & 0xF0u)) {
    case Kind::kNext: return on_next(byte & 0x0Fu, sequence, body, length);
    case Kind::kBegin: return on_begin(byte & 0x0Fu, sequence, body, length);
    default: break;
  }
  switch (kind) {
    case Kind::kInfo: return outbox_.answer(sequence, board());
    case Kind::kConfig: return on_config(sequence, body, length);
    case Kind::kRelease: return on_release(sequence, body, length);
    case Kind::kGet: return on_get(sequence, body, length);
    case Kind::kPoll: return on_poll(sequence);
    case Kind::kStore: return outbox_.answer(sequence, tell_stored());
    case Kind::kAdd: return on_add(sequence, body, length);
    case Kind::kCapture: return on_capture(sequence, body, length);
    case Kind::kDiscard: return on_discard(sequence, body, length);
    case Kind::kLabel: return on_label(sequence, body, length);
    case Kind::kClassify: return on_classify(sequence, body, length);
    case Kind::kRecord: return on_record(*link, sequence, body, length);
    case Kind::kNoise: return on_noise(sequence, body, length);
    case Kind::kMask: return on_mask(sequence, body, length);
    case Kind::kPeers: return on_peers(sequence, body, length);
    case Kind::kUnmask: return on_unmask(sequence, body, length);
    case Kind::kSave: return on_save(sequence);
    case Kind::kAbout: return on_about(sequence);
    case Kind::kLevel: return on_level(*link, sequence);
    default: return outbox_.answer_error(sequence, Status::kUnknownKind);
  }
}

void Session::closed(const Link* link) {
  if (link != outbox_.link()) return;
  if (intake_.state() == State::kReceiving) intake_.abandon();  // whose memory windows may need
  awaited_ = Kind::kInfo;
  outbox_.close();
}

// Sets memory to zero, too: stores are saved whole, whatever they hold.
void Session::forget() {
  abandon();
  asked_ = false;
  watch_.forget();
  watch_.spoil();
  labels_.forget();
  memory_.shape.classes = first_classes_;
  intake_.forget();
  round_.forget();
  const HeadShape shape = memory_.largest();
  std::memset(memory_.local, 0, sizeof(float) * local_floats(shape, memory_.residual != nullptr));
  std::memset(memory_.workspace, 0, sizeof(float) * training_workspace(shape, memory_.max_batch));
  if (memory_.window != nullptr) {
    std::memset(memory_.window, 0, window_size(identity_.input_size, shape.features));
  }
}

// Whether another link has a session that HELLO can't take. A visit takes none; a host that waits for the
// board's work says nothing meanwhile.
bool Session::has_other(const Link* link, uint32_t run) const {
  if (outbox_.link() == nullptr || outbox_.link() == link) return false;
  return run == kVisit || state() == State::kTraining || port_.millis(port_.context) - heard_ < kHold;
}

void Session::on_hello(Link* link, uint8_t sequence, const uint8_t* body, size_t length) {
  Hello hello;
  // The versions come first: what follows them is another thing in every version.
  if (length >= 2 && (body[0] > kProtocolVersion || body[1] < kProtocolVersion)) {
    return refuse(link, sequence, Status::kBadVersion);
  }
  if (!unpack(body, length, &hello)) return refuse(link, sequence, Status::kBadLength);
  if (hello.frame_limit < kMinFrame) return refuse(link, sequence, Status::kBadValue);
  if (has_other(link, hello.run)) return refuse(link, sequence, Status::kBusy);
  open(link, hello.run, smaller(hello.frame_limit, link->frame_limit), told_samples_);
  const Welcomed now = preview(*link, hello.run, outbox_.frame_limit());
  const Welcome welcome = {now.version, now.state,       now.boot,  now.round,
                           hello.nonce, now.frame_limit, now.window};
  if (Outbox::kOpening > now.frame_limit) return outbox_.answer(sequence, welcome);
  outbox_.answer_opening(sequence, welcome, board(), tell_stored());
}

void Session::open(Link* link, uint32_t run, uint8_t frame_limit, uint32_t told) {
  const bool same_chunks = frame_limit == outbox_.frame_limit() && link->window == receiver_.window();
  outbox_.open(link, frame_limit);
  heard_ = port_.millis(port_.context);
  round_.forget_configuration();
  awaited_ = Kind::kInfo;
  asked_ = false;
  asked_run_ = run;
  told_samples_ = told;
  if (state() == State::kReceiving && (pushed_ == Pushed::kSamples || !same_chunks)) {
    abandon();  // chunks of another size would land elsewhere
  }
}

Welcomed Session::preview(const Link& link, uint32_t run, uint8_t frame_limit) const {
  const bool anew = is_of_another_run(run);
  return {kProtocolVersion, anew ? State::kIdle : state(),
          identity_.boot,   anew ? uint16_t{0} : round_.number(),
          frame_limit,      link.window};
}

// Takes the board into the run of the last HELLO, now that its host asks for something.
void Session::enter_run() {
  if (!is_of_another_run(asked_run_)) return;
  abandon();
  round_.start_run(asked_run_);
}

Board Session::board() const {
  uint16_t capabilities = identity_.capabilities;
  if (labels_.set()) capabilities |= Board::kLabelled;
  if (intake_.sensed()) capabilities |= Board::kSensed;
  if (round_.guarded()) capabilities |= Board::kNoised;
  if (round_.can_mask()) capabilities |= Board::kMasked;
  if (watch_.shows()) capabilities |= Board::kShown;
  return {identity_.uid, capabilities, memory_.shape.features, memory_.shape.classes, identity_.model};
}

void Session::on_about(uint8_t sequence) {
  if (port_.about == nullptr) return outbox_.answer_error(sequence, Status::kUnknownKind);
  Details details = {};
  port_.about(port_.context, &details);
  outbox_.answer(sequence, details);
}

// Answers with what the state of the round or of the ADD calls for.
void Session::on_poll(uint8_t sequence) {
  if (!asked_ || sequence != push_sequence_) return outbox_.answer_error(sequence, Status::kNotReceived);
  if (pushed_ == Pushed::kSamples) return on_poll_of_add(sequence);
  switch (round_.state()) {
    case State::kReceiving: return outbox_.answer_ack(receiver_, push_transfer_);
    case State::kTraining:
      return outbox_.answer(sequence, Accept{State::kTraining, 0, round_.expected_wait()});
    case State::kReady: return outbox_.announce_result();
    case State::kIdle: {
      const Status failure = round_.failure();
      return outbox_.answer_error(sequence, failure == Status::kOk ? Status::kBusy : failure);
    }
  }
}

void Session::on_poll_of_add(uint8_t sequence) {
  if (intake_.state() == State::kReceiving) return outbox_.answer_ack(receiver_, push_transfer_);
  if (intake_.extracting()) return outbox_.answer(sequence, Accept{State::kTraining, 0, 0});
  outbox_.answer_final_ack(receiver_, push_transfer_, intake_.failure());
}

void Session::on_save(uint8_t sequence) {
  if (port_.save == nullptr) return outbox_.answer_error(sequence, Status::kNoStorage);
  if (!at_rest()) return outbox_.answer_error(sequence, Status::kBusy);
  if (!port_.save(port_.context)) return outbox_.answer_error(sequence, Status::kStorageFailed);
  outbox_.start_answer(Kind::kSaved, sequence, 0);
}

bool Session::poll() {
  const bool more = work();
  show();  // last: whatever has ended the classification ends what phones can read
  return more;
}

bool Session::work() {
  if (outbox_.link() != nullptr && !send_due()) return true;  // the link is full: try again
  bool waiting = false;                                       // for the sensor
  const bool watching = watch_step();
  const bool working = state() == State::kTraining;
  if (round_.training()) {
    if (round_.step() && asked_) outbox_.announce_result();
  } else if (intake_.extracting()) {
    if (intake_.store_record() && asked_) {
      outbox_.answer_final_ack(receiver_, push_transfer_, intake_.failure());
    }
  } else if (capturing()) {
    waiting = !intake_.take_window();
  }
  const bool works = state() == State::kTraining;
  if (working && !works) heard_ = port_.millis(port_.context);
  return ((works || capturing()) && !waiting) || watching || outbox_.pending();
}

RoundRecord Session::round_record() const {
  RoundRecord record = round_.record();
  record.labelled = labels_.set();
  return record;
}

// The arrays have the shape in which they were saved.
bool Session::restore(const RoundRecord& record) {
  if (record.classes < kMinClasses || record.classes > memory_.most_classes || !round_.restore(record)) {
    return false;
  }
  memory_.shape.classes = record.classes;
  labels_.restore(record.labelled);
  return true;
}

// A head that was saved before the samples, or was not saved at all, may lack columns for their labels.
bool Session::restore(const SamplesRecord& record) {
  if (!intake_.restore(record)) return false;
  const uint16_t labels = store().labels();
  if (labels > memory_.most_classes) {
    intake_.forget();
    return false;
  }
  if (labels > memory_.shape.classes) set_classes(static_cast<uint8_t>(labels));
  return true;
}

// Where there is no number of samples, the status says when the host no longer knows it.
bool Session::send_due() {
  Result result = round_.result();
  const bool whole = round_.wants_statistics();
  if ((!whole || round_.masked()) && round_.has_delta() && told_samples_ != intake_.changes()) {
    result.status = Status::kOtherSamples;
  }
  return outbox_.send_due(push_sequence_, result, whole, round_.delta());
}

}  // namespace bytefed
