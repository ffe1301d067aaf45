#include <cstring>

#include "bytefed/protocol/header.h"

namespace bytefed {
namespace {

// A message's list of fields serves both directions: Writer and Reader are called alike.
class Writer {
 public:
  explicit Writer(uint8_t* at) : at_(at) {}

  template <typename T>
  void operator()(const T& value) {
    std::memcpy(at_, &value, sizeof value);  // every target is little-endian: checked below
    at_ += sizeof value;
  }

 private:
  uint8_t* at_;
};

class Reader {
 public:
  explicit Reader(const uint8_t* at) : at_(at) {}

  template <typename T>
  void operator()(T& value) {
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
  }

 private:
  const uint8_t* at_;
};

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "messages are little-endian");

}  // namespace

#define BYTEFED_DEFINE(Message)                                       \
  void pack(const Message& message, uint8_t* body) {                  \
    static_assert(Message::kSize <= kLargestBody, "MTU 23");          \
    Writer writer(body);                                              \
    Message::fields(writer, message);                                 \
  }                                                                   \
  bool unpack(const uint8_t* body, size_t length, Message* message) { \
    if (length < Message::kSize) return false;                        \
    Reader reader(body);                                              \
    Message::fields(reader, *message);                                \
    return true;                                                      \
  }
BYTEFED_MESSAGES(BYTEFED_DEFINE)
#undef BYTEFED_DEFINE

}  // namespace bytefed
