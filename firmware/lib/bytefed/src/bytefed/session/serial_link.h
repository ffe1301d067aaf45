// Carries a session's frames over a byte stream: USB CDC, UART, pseudo-terminal, socket.
#pragma once
#include "bytefed/protocol/serial_frame.h"
#include "bytefed/session/sealed_link.h"

namespace bytefed {

class SerialLink {
 public:
  // Hands bytes to the operating system or driver; returns how many were taken (0 when it is full),
  // never blocks.
  using Write = size_t (*)(void* context, const uint8_t* data, size_t length);

  SerialLink(void* context, Write write, uint8_t window = kMaxWindow)
      : context_(context), write_(write), link_() {
    link_.context = this;
    link_.send = &SerialLink::send;
    link_.frame_limit = kMaxFrame;
    link_.window = window;
    link_.send_bare = &SerialLink::send_bare;
    link_.cable = true;
  }
  SerialLink(const SerialLink&) = delete;
  SerialLink& operator=(const SerialLink&) = delete;

  // Takes one byte from the wire.
  void receive(Session& session, uint8_t byte) {
    if (decoder_.push(byte)) session.receive(&link_, decoder_.frame(), decoder_.length());
  }

  // Takes one byte for a board that has a key, or can be given one.
  void receive(SealedLink& seal, uint8_t byte) {
    const SerialFrameDecoder::Found found = decoder_.take(byte);
    if (found == SerialFrameDecoder::Found::kNothing) return;
    const bool checked = found == SerialFrameDecoder::Found::kChecked;
    seal.receive(decoder_.frame(), decoder_.bare_length(), checked ? decoder_.length() : 0);
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
  using Encode = size_t (*)(const uint8_t* frame, size_t length, uint8_t* wire);

  static bool send(void* context, const uint8_t* frame, size_t length) {
    return static_cast<SerialLink*>(context)->put(&encode_serial_frame, frame, length);
  }
  static bool send_bare(void* context, const uint8_t* frame, size_t length) {
    return static_cast<SerialLink*>(context)->put(&encode_bare_serial_frame, frame, length);
  }

  bool put(Encode encode, const uint8_t* frame, size_t length) {
    if (!flush()) return false;
    length_ = encode(frame, length, wire_);
    written_ = 0;
    flush();
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
