#include "bytefed/session/sealed_link.h"

#include <cstring>

namespace bytefed {
namespace {

constexpr uint8_t kSmallestLimit = kHeaderSize + Welcomed::kSize + kHandshakeOverhead + 4;

bool starts_round(uint8_t byte) {
  const unsigned start = byte & 0xF0u;  // the rest are flags
  return start == static_cast<unsigned>(Kind::kNext) || start == static_cast<unsigned>(Kind::kBegin);
}

// Whether a board may be asked this: noise on a wire is not answered.
bool is_request(uint8_t byte) {
  switch (static_cast<Kind>(byte)) {
    case Kind::kHello:
    case Kind::kInfo:
    case Kind::kConfig:
    case Kind::kGet:
    case Kind::kPoll:
    case Kind::kStore:
    case Kind::kAdd:
    case Kind::kCapture:
    case Kind::kDiscard:
    case Kind::kLabel:
    case Kind::kClassify:
    case Kind::kRecord:
    case Kind::kLevel:
    case Kind::kNoise:
    case Kind::kMask:
    case Kind::kPeers:
    case Kind::kUnmask:
    case Kind::kSave:
    case Kind::kAbout:
    case Kind::kRelease:
    case Kind::kPair: return true;
    default: return starts_round(byte);
  }
}

}  // namespace

SealedLink::SealedLink(Session& session, Link& below, BoardKey& key, const SealPort& port)
    : session_(session), below_(below), key_(key), port_(port), link_() {
  link_.context = this;
  link_.send = &SealedLink::send;
  link_.frame_limit = below.frame_limit;
  link_.window = below.window;
  link_.seal = this;
}

void SealedLink::Slot::start(const SessionKeys& keys) {
  down.derive(keys.down);
  up.derive(keys.up);
  opener.restart();
  sealer.restart();
  blobs.restart();
}

void SealedLink::Slot::forget() {
  wipe(&down, sizeof down);
  wipe(&up, sizeof up);
}

void SealedLink::close() {
  forget();
  session_.closed(&link_);
  session_.closed(&below_);
}

void SealedLink::forget() {
  open_ = tentative_ = false;
  for (Slot& slot : slots_) slot.forget();
}

void SealedLink::receive(const uint8_t* frame, size_t length, size_t clear_length) {
  if (key_changes_ != key_.changes()) forget();
  key_changes_ = key_.changes();
  if (length < kHeaderSize) return;
  if (!key_.held()) return on_open(frame, clear_length);
  if (is_data(frame)) {
    if (open_ && clear_length >= kHeaderSize) session_.receive(&link_, frame, clear_length);
  } else if (frame[0] != static_cast<uint8_t>(Kind::kGreet) && open(frame, length)) {
    return;
  } else if (clear_length >= kHeaderSize) {
    on_clear(frame, clear_length);
  } else if (!open_ && is_request(frame[0])) {
    refuse(frame[1], Status::kNoSession);
  }
}

// Passes on what comes for a board without a key.
void SealedLink::on_open(const uint8_t* frame, size_t length) {
  if (length < kHeaderSize) return;
  if (is_pair(frame)) return on_pair(frame, length, false);
  session_.receive(&below_, frame, length);
}

bool SealedLink::is_pair(const uint8_t* frame) const {
  return below_.cable && frame[0] == static_cast<uint8_t>(Kind::kPair);
}

void SealedLink::on_pair(const uint8_t* frame, size_t length, bool sealed) {
  const Status status = key_.take(session_, frame + kHeaderSize, length - kHeaderSize, sealed);
  if (sealed && key_changes_ != key_.changes()) {  // the session goes on: its keys are its own
    tentative_ = false;
    key_changes_ = key_.changes();
  }
  if (status != Status::kOk) return refuse(frame[1], status, sealed);
  uint8_t answer[kHeaderSize + Paired::kSize];
  pack_control_header(Kind::kPaired, frame[1], answer);
  pack(Paired{session_.board().uid, key_.check()}, answer + kHeaderSize);
  tell(answer, sizeof answer, sealed);
}

void SealedLink::on_clear(const uint8_t* frame, size_t length) {
  if (is_pair(frame)) return on_pair(frame, length, false);
  if (frame[0] == static_cast<uint8_t>(Kind::kGreet)) {
    on_greet(frame[1], frame + kHeaderSize, length - kHeaderSize);
  } else if (frame[0] == static_cast<uint8_t>(Kind::kHello)) {
    refuse(frame[1], Status::kLocked);
  } else if (!open_ && is_request(frame[0])) {
    refuse(frame[1], Status::kNoSession);
  }
}

// Opens a frame under the keys of the session, or of the tentative one: then that is the session.
bool SealedLink::open(const uint8_t* frame, size_t length) {
  if (length > kMaxFrame) return false;
  uint8_t opened[kMaxFrame];
  std::memcpy(opened, frame, length);
  size_t size = open_ ? current().opener.open(opened, length) : 0;
  // Another host may have begun to work since this one was greeted, so it is asked for again.
  if (size == 0 && tentative_ && !session_.has_other(&link_, run_)) {
    size = slots_[1 - current_].opener.open(opened, length);
    if (size > 0) begin_session();
  }
  if (size == 0) return false;
  if (is_pair(opened) && has_session()) {
    on_pair(opened, size, true);
  } else if (starts_round(opened[0]) && current().blobs.exhausted()) {
    refuse(opened[1], Status::kNoSession, true);  // its delta would have a number twice
  } else {
    session_.receive(&link_, opened, size);
  }
  return true;
}

// Makes the tentative session the one of this link.
void SealedLink::begin_session() {
  current().forget();
  current_ = 1 - current_;
  open_ = true;
  tentative_ = false;
  link_.frame_limit = below_.frame_limit;
  link_.window = below_.window;
  session_.open(&link_, run_, frame_limit_, told_);
}

bool SealedLink::send(void* context, const uint8_t* frame, size_t length) {
  SealedLink* const self = static_cast<SealedLink*>(context);
  uint8_t sealed[kMaxFrame];
  const size_t size = self->current().sealer.seal(frame, length, sealed);
  Link& below = self->below_;
  const auto pass = below.send_bare != nullptr ? below.send_bare : below.send;
  if (pass(below.context, sealed, size)) return true;
  self->current().sealer.take_back();
  return false;
}

bool SealedLink::send_chunk(uint8_t* frame, size_t length, size_t position) {
  current().blobs.hide(position, frame + kHeaderSize, length - kHeaderSize);
  return send_clear(frame, length);
}

void SealedLink::on_greet(uint8_t sequence, const uint8_t* body, size_t length) {
  if (length < kHandshakeOverhead + Greet::kSize) return;
  uint8_t message[kMaxFrame];
  std::memcpy(message, body, length);
  Responder responder(key_.chain());
  if (!responder.read(message, length)) return refuse(sequence, Status::kLocked);
  Greet greet;
  unpack(message + kKeySize, length - kHandshakeOverhead, &greet);
  if (greet.version_min > kProtocolVersion || greet.version_max < kProtocolVersion) {
    return refuse(sequence, Status::kBadVersion);
  }
  if (greet.frame_limit > below_.frame_limit) greet.frame_limit = below_.frame_limit;
  if (greet.frame_limit < kSmallestLimit) return refuse(sequence, Status::kBadValue);
  if (session_.has_other(&link_, greet.run)) return refuse(sequence, Status::kBusy);
  if (!greets_too_often()) welcome(&responder, greet, sequence);
}

// Answers a GREET, which may be an old one sent again: nothing but the tentative session changes.
void SealedLink::welcome(Responder* responder, const Greet& greet, uint8_t sequence) {
  constexpr size_t kWhole = Welcomed::kSize + Board::kSize + Stored::kSize;
  uint8_t payload[kWhole], frame[kHeaderSize + kWhole + kHandshakeOverhead], secret[kKeySize];
  pack(session_.preview(below_, greet.run, greet.frame_limit), payload);
  size_t size = Welcomed::kSize;
  if (sizeof frame <= greet.frame_limit) {
    pack(session_.board(), payload + size);
    pack(session_.stored(), payload + size + Board::kSize);
    size = kWhole;
  }
  if (!port_.random(port_.context, secret, sizeof secret)) return;
  SessionKeys keys;
  pack_control_header(Kind::kWelcomed, sequence, frame);
  tentative_ = responder->write(secret, payload, size, frame + kHeaderSize, &keys);
  if (tentative_) {
    slots_[1 - current_].start(keys);
    run_ = greet.run;
    frame_limit_ = greet.frame_limit;
    told_ = session_.sample_changes();
    send_clear(frame,
               kHeaderSize + size + kHandshakeOverhead);  // without room it is lost: the host greets again
  }
  wipe(secret, sizeof secret);
  wipe(&keys, sizeof keys);
}

bool SealedLink::greets_too_often() {
  const uint32_t now = port_.millis(port_.context);
  if (answers_ == kGreetsASecond && now - answered_[0] < 1000) return true;
  if (answers_ == kGreetsASecond) {
    answered_[0] = answered_[1];
    --answers_;
  }
  answered_[answers_++] = now;
  return false;
}

void SealedLink::refuse(uint8_t sequence, Status status, bool sealed) {
  uint8_t frame[kHeaderSize + Error::kSize + sizeof(uint64_t)];
  pack_control_header(Kind::kError, sequence, frame);
  pack(Error{status}, frame + kHeaderSize);
  size_t length = kHeaderSize + Error::kSize;
  if (status == Status::kLocked) {
    const uint64_t uid = session_.board().uid;
    for (int i = 0; i < 8; ++i) frame[length++] = static_cast<uint8_t>(uid >> 8 * i);
  }
  tell(frame, length, sealed);
}

// Sends at once; without room it is lost, and the host asks again.
void SealedLink::tell(const uint8_t* frame, size_t length, bool sealed) {
  sealed ? send(this, frame, length) : send_clear(frame, length);
}

}  // namespace bytefed
