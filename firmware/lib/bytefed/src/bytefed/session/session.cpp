// Who speaks to the board, what it is asked, and what it does next.
#include "bytefed/session/session.h"

#include <cstring>

namespace bytefed {
namespace {

void refuse(Link* link, uint8_t sequence, Status status) {
  uint8_t frame[kHeaderSize + Error::kSize];
  pack_control_header(Kind::kError, sequence, frame);
  pack(Error{status}, frame + kHeaderSize);
  link->send(link->context, frame, sizeof frame);  // without room it is lost: the host asks again
}

}  // namespace

Session::Session(const Memory& memory, const Identity& identity, const Port& port)
    : memory_(memory),
      identity_(identity),
      port_(port),
      store_(memory.samples, memory.capacity, memory.shape.features) {
  std::memset(memory_.global, 0, sizeof(float) * parameters());
  forget_residual();
  if (port_.extract != nullptr) store_.set_quantization(identity_.features);
}

void Session::receive(Link* link, const uint8_t* frame, size_t length) {
  if (length < kHeaderSize || length > kMaxFrame) return;
  if (is_data(frame)) {
    if (link == link_) on_data(frame, length);
    return;
  }
  on_control(link, static_cast<Kind>(frame[0]), frame[1], frame + kHeaderSize, length - kHeaderSize);
}

void Session::on_control(Link* link, Kind kind, uint8_t sequence, const uint8_t* body, size_t length) {
  if (kind == Kind::kHello) return on_hello(link, sequence, body, length);
  // The session belongs to the link of the last HELLO.
  if (link != link_) return refuse(link, sequence, Status::kNoSession);
  switch (kind) {
    case Kind::kInfo: return on_info(sequence);
    case Kind::kConfig: return on_config(sequence, body, length);
    case Kind::kBegin: return on_begin(sequence, body, length);
    case Kind::kGet: return on_get(sequence, body, length);
    case Kind::kPoll: return on_poll(sequence);
    case Kind::kStore: return on_store(sequence);
    case Kind::kAdd: return on_add(sequence, body, length);
    case Kind::kCapture: return on_capture(sequence, body, length);
    case Kind::kSave: return on_save(sequence);
    case Kind::kAbout: return on_about(sequence);
    default: return answer_error(sequence, Status::kUnknownKind);
  }
}

void Session::on_hello(Link* link, uint8_t sequence, const uint8_t* body, size_t length) {
  Hello hello;
  if (!unpack(body, length, &hello)) return refuse(link, sequence, Status::kBadLength);
  if (hello.version_min > kProtocolVersion || hello.version_max < kProtocolVersion) {
    return refuse(link, sequence, Status::kBadVersion);
  }
  if (hello.frame_limit < kMinFrame) return refuse(link, sequence, Status::kBadValue);
  const uint8_t limit = hello.frame_limit < link->frame_limit ? hello.frame_limit : link->frame_limit;
  link_ = link;
  stop_pull();
  result_due_ = false;
  configured_ = false;
  if (hello.run != run_ && hello.run != kVisit) {
    run_ = hello.run;
    round_ = 0;
    forget_round();
    kept_ = false;
    forget_residual();
    ++round_changes_;
  } else if (state_ == State::kReceiving && (incoming_kind_ == Incoming::kSamples || limit != frame_limit_ ||
                                             link->window != receiver_.window())) {
    forget_round();  // chunks of another size would land elsewhere
  }
  frame_limit_ = limit;
  answer(sequence, Welcome{kProtocolVersion, state_, identity_.boot, run_, round_, hello.nonce, frame_limit_,
                           link_->window});
}

void Session::on_info(uint8_t sequence) {
  answer(sequence, Board{identity_.uid, identity_.capabilities, memory_.shape.features, memory_.shape.classes,
                         identity_.model});
}

void Session::on_about(uint8_t sequence) {
  if (port_.about == nullptr) return answer_error(sequence, Status::kUnknownKind);
  Details details = {};
  port_.about(port_.context, &details);
  answer(sequence, details);
}

// Answers with what the state calls for.
void Session::on_poll(uint8_t sequence) {
  if (sequence == add_sequence_ && incoming_kind_ == Incoming::kSamples) {
    if (state_ == State::kReceiving) return answer_ack();
    if (task_ == Task::kExtract) return answer(sequence, Accept{State::kTraining, 0, 0});
    // An old HELLO may have put an end to it.
    if (!add_done_ && failure_ == Status::kOk) return answer_error(sequence, Status::kNoSession);
    return answer_final_ack(failure_);
  }
  if (sequence != begin_sequence_ || incoming_kind_ != Incoming::kHead) {
    return answer_error(sequence, Status::kNoSession);
  }
  switch (state_) {
    case State::kReceiving: return answer_ack();
    case State::kTraining: return answer(sequence, Accept{state_, 0, expected_wait()});
    case State::kReady: result_due_ = true; return;
    case State::kIdle: return answer_error(sequence, failure_ == Status::kOk ? Status::kBusy : failure_);
  }
}

bool Session::poll() {
  if (link_ != nullptr && !send_due()) return true;  // the link is full: try again
  bool waiting = false;                              // for the sensor
  switch (task_) {
    case Task::kEvaluate: evaluate_one(); break;
    case Task::kTrain:
      if ((begin_.flags & Begin::kTrain) == 0 || !trainer_.step()) finish_round();
      break;
    case Task::kExtract: take_record(); break;
    case Task::kCapture: waiting = !take_window(); break;
    case Task::kNone: break;
  }
  return (task_ != Task::kNone && !waiting) || answer_length_ != 0 || result_due_ || sender_.pending();
}

}  // namespace bytefed
