// The board's key, and the rules by which PAIR changes it (SPEC 10.5).
#pragma once
#include "bytefed/seal/handshake.h"
#include "bytefed/session/session.h"

namespace bytefed {

// The memory that outlives a loss of power, as far as a key is concerned.
struct KeyPort {
  void* context;
  // Erases everything that was saved of samples and rounds, before it returns. False: some of it is left.
  // Null: nothing is ever saved.
  bool (*erase)(void* context);
  // Keeps the key over a loss of power, before it returns. False: the key before is still kept. Null: the
  // board has no such memory.
  bool (*keep)(void* context, const uint8_t key[kKeySize]);
};

class BoardKey {
 public:
  explicit BoardKey(const KeyPort& port = {}) : port_(port) {}
  BoardKey(const BoardKey&) = delete;
  BoardKey& operator=(const BoardKey&) = delete;
  ~BoardKey();

  bool held() const { return held_; }
  const KeyChain& chain() const { return chain_; }   // held()
  uint16_t changes() const { return changes_; }      // moves whenever the key does
  uint32_t check() const;                            // as PAIRED tells it; held()
  // Takes the key that was kept: at the start.
  void set(const uint8_t key[kKeySize]);

  // Does what the body of a PAIR asks for, that came by cable, sealed or in the clear. Unless it returns kOk
  // the key is the one before.
  Status take(Session& session, const uint8_t* body, size_t length, bool sealed);

 private:
  KeyPort port_;
  bool held_ = false;
  uint16_t changes_ = 0;
  uint8_t key_[kKeySize] = {};
  KeyChain chain_ = {};
};

}  // namespace bytefed
