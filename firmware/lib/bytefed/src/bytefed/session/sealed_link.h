// A link on which a stranger is neither heard nor told anything (SPEC 10.4): it stands between a board's link
// and its session, opens what comes, seals what goes, and answers GREET; by cable it also answers PAIR (SPEC
// 10.5). While the board has no key, everything passes as it is.
#pragma once
#include "bytefed/session/board_key.h"

namespace bytefed {

// The functions that a board must provide to seal its links.
struct SealPort {
  void* context;
  // Fills memory with random bytes that nobody can guess. False: there are none now, and no session is
  // opened.
  bool (*random)(void* context, uint8_t* bytes, size_t length);
  // Milliseconds since any fixed time; wraps around.
  uint32_t (*millis)(void* context);
};

class SealedLink {
 public:
  // All outlive the link. `key` is that of the board, which its links share.
  SealedLink(Session& session, Link& below, BoardKey& key, const SealPort& port);
  SealedLink(const SealedLink&) = delete;
  SealedLink& operator=(const SealedLink&) = delete;

  // Takes a frame from the link below: `length` bytes if it is sealed, and the first `clear_length` if it is
  // not, 0 if it can only be sealed. Where a link adds no checksum to either, both are the same.
  void receive(const uint8_t* frame, size_t length, size_t clear_length);
  // Forgets the session, since whoever had it is gone.
  void close();
  // Whether the board's session is on this link.
  bool has_session() const { return session_.link() == (key_.held() ? &link_ : &below_); }

  // Whether a GREET was answered, and nothing has come yet that only who sent it can have sealed.
  bool has_greeted() const { return tentative_; }

  // ---- For the session

  bool send_clear(const uint8_t* frame, size_t length) { return below_.send(below_.context, frame, length); }
  // Hides the chunk in place, which lies at `position` of the blob that was numbered last, and sends it.
  bool send_chunk(uint8_t* frame, size_t length, size_t position);
  void number_blob(const void* blob, size_t length) { current().blobs.begin(blob, length); }
  const BlobSeal& numbered_blob() const { return slots_[current_].blobs.seal(); }
  // Shows bytes that lie at `position` of the host's blob `number`, in place.
  void show_chunk(uint16_t number, size_t position, uint8_t* data, size_t length) const {
    blob_xor(slots_[current_].down, number, position, data, length);
  }
  bool is_blob(const BlobSeal& seal, const void* blob, size_t length) const {
    return blob_is(slots_[current_].down, seal, blob, length);
  }

  static constexpr uint8_t kGreetsASecond = 2;

 private:
  // The keys of one session.
  struct Slot {
    Slot() : opener(down), sealer(up), blobs(up) {}
    ~Slot() { forget(); }
    void start(const SessionKeys& keys);
    void forget();

    DirectionKeys down = {}, up = {};
    FrameOpener opener;
    FrameSealer sealer;
    BlobSealer blobs;
  };

  static bool send(void* context, const uint8_t* frame, size_t length);
  void forget();
  void on_open(const uint8_t* frame, size_t length);
  void on_clear(const uint8_t* frame, size_t length);
  bool is_pair(const uint8_t* frame) const;
  void on_pair(const uint8_t* frame, size_t length, bool sealed);
  bool open(const uint8_t* frame, size_t length);
  void begin_session();
  void on_greet(uint8_t sequence, const uint8_t* body, size_t length);
  void welcome(Responder* responder, const Greet& greet, uint8_t sequence);
  bool greets_too_often();
  void refuse(uint8_t sequence, Status status, bool sealed = false);
  void tell(const uint8_t* frame, size_t length, bool sealed);
  Slot& current() { return slots_[current_]; }

  Session& session_;
  Link& below_;
  BoardKey& key_;
  SealPort port_;
  Link link_;
  Slot slots_[2];
  uint32_t answered_[kGreetsASecond] = {};  // when the last GREETs were
  uint32_t run_ = 0;                        // of the tentative session
  uint32_t told_ = 0;                       // the samples' change counter that its host was told
  uint16_t key_changes_ = 0;                // those that the sessions below have seen
  uint8_t frame_limit_ = 0;                 // of the tentative session
  uint8_t current_ = 0;
  bool open_ = false;       // the current slot has a session
  bool tentative_ = false;  // the other slot has one that nothing has come for yet
  uint8_t answers_ = 0;     // how many of the last GREETs there are
};

}  // namespace bytefed
