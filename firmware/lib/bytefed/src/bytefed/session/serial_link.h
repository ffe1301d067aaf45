// Carries a session's frames over a byte stream: USB CDC, UART, pseudo-terminal, socket.
#pragma once
#include "bytefed/protocol/serial_frame.h"
#include "bytefed/session/session.h"

namespace bytefed {

class SerialLink {
 public:
  // Hands bytes to the operating system or driver; returns how many were taken (0 when it is full),
  // never blocks.
  using Write = size_t (*)(void* context, const uint8_t* data, size_t length);

  SerialLink(void* context, Write write, uint8_t window = kMaxWindow)
      : context_(context), write_(write), link_{this, &SerialLink::send, kMaxFrame, window} {}
  SerialLink(const SerialLink&) = delete;
  SerialLink& operator=(const SerialLink&) = delete;

  // Takes one byte from the wire.
  void receive(Session& session, uint8_t byte) {
    if (decoder_.push(byte)) session.receive(&link_, decoder_.frame(), decoder_.length());
  }

  // Writes the bytes that the driver has not taken yet. True when nothing is left.
  bool flush() {
    while (written_ < length_) {
      const size_t taken = write_(context_, wire_ + written_, length_ - written_);
      if (taken == 0) return false;
      written_ += taken;
    }
    return true;
  }

  Link* link() { return &link_; }

 private:
  static bool send(void* context, const uint8_t* frame, size_t length) {
    SerialLink* self = static_cast<SerialLink*>(context);
    if (!self->flush()) return false;
    self->length_ = encode_serial_frame(frame, length, self->wire_);
    self->written_ = 0;
    self->flush();
    return true;
  }

  void* context_;
  Write write_;
  Link link_;
  SerialFrameDecoder decoder_;
  uint8_t wire_[kMaxSerialWire];
  size_t length_ = 0;
  size_t written_ = 0;
};

}  // namespace bytefed
