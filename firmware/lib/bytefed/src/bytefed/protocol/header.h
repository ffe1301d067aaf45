// The two bytes in front of a frame's body (SPEC 1), and the bodies of control messages in bytes.
#pragma once
#include "bytefed/protocol/message.h"

namespace bytefed {

struct DataHeader {
  uint8_t transfer;  // 0..3
  bool poll;
  uint16_t index;  // 0..kMaxChunks
};

inline bool is_data(const uint8_t* frame) {
  return (frame[0] & 0x80u) != 0;
}

inline void pack(const DataHeader& header, uint8_t* frame) {
  frame[0] = static_cast<uint8_t>(0x80u | (header.transfer & 3u) << 5 | (header.poll ? 0x10u : 0u) |
                                  ((header.index >> 8) & 0x0Fu));
  frame[1] = static_cast<uint8_t>(header.index);
}

inline DataHeader unpack_data_header(const uint8_t* frame) {
  return {static_cast<uint8_t>((frame[0] >> 5) & 3u), (frame[0] & 0x10u) != 0,
          static_cast<uint16_t>((frame[0] & 0x0Fu) << 8 | frame[1])};
}

inline void pack_control_header(Kind kind, uint8_t sequence, uint8_t* frame) {
  frame[0] = static_cast<uint8_t>(kind);
  frame[1] = sequence;
}

// pack writes kSize bytes to `body`; unpack reads as many. When there are fewer, unpack writes nothing and
// returns false. Callers judge the values.
#define BYTEFED_DECLARE(Message)                    \
  void pack(const Message& message, uint8_t* body); \
  bool unpack(const uint8_t* body, size_t length, Message* message);
BYTEFED_MESSAGES(BYTEFED_DECLARE)
#undef BYTEFED_DECLARE

}  // namespace bytefed
