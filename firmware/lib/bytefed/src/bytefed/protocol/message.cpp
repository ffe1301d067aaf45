#include "bytefed/protocol/message.h"

#include <cstring>

namespace bytefed {
namespace {

// One list of fields a message serves both directions: Writer and Reader have the same calls.
class Writer {
 public:
  explicit Writer(uint8_t* at) : at_(at) {}

  template <typename T>
  Writer& operator()(const T& value) {
    std::memcpy(at_, &value, sizeof value);  // every target is little-endian: checked below
    at_ += sizeof value;
    return *this;
  }

 private:
  uint8_t* at_;
};

class Reader {
 public:
  explicit Reader(const uint8_t* at) : at_(at) {}

  template <typename T>
  Reader& operator()(T& value) {
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return *this;
  }

 private:
  const uint8_t* at_;
};

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "messages are little-endian");

// The tables of SPEC 3, field by field.
template <typename IO, typename M>
void hello(IO& io, M& m) {
  io(m.version_min)(m.version_max)(m.run)(m.nonce)(m.frame_limit);
}
template <typename IO, typename M>
void welcome(IO& io, M& m) {
  io(m.version)(m.state)(m.boot)(m.run)(m.round)(m.nonce)(m.frame_limit)(m.window);
}
template <typename IO, typename M>
void board(IO& io, M& m) {
  io(m.uid)(m.capabilities)(m.features)(m.classes)(m.model);
}
template <typename IO, typename M>
void config(IO& io, M& m) {
  io(m.codec)(m.epochs)(m.batch)(m.rate)(m.seed)(m.proximal_mu);
}
template <typename IO, typename M>
void begin(IO& io, M& m) {
  io(m.round)(m.codec)(m.flags)(m.head);
}
template <typename IO, typename M>
void accept(IO& io, M& m) {
  io(m.state)(m.index)(m.wait);
}
template <typename IO, typename M>
void result(IO& io, M& m) {
  io(m.status)(m.num_examples)(m.loss)(m.correct)(m.test_correct)(m.duration)(m.crc);
}
template <typename IO, typename M>
void get(IO& io, M& m) {
  io(m.index)(m.window);
}
template <typename IO, typename M>
void stored(IO& io, M& m) {
  io(m.capacity)(m.train)(m.test)(m.crc)(m.max_batch)(m.buffer)(m.head);
}
template <typename IO, typename M>
void add(IO& io, M& m) {
  io(m.first)(m.count)(m.kind)(m.crc)(m.scale)(m.zero_point);
}
template <typename IO, typename M>
void added(IO& io, M& m) {
  io(m.state)(m.index);
}
template <typename IO, typename M>
void capture(IO& io, M& m) {
  io(m.first)(m.count)(m.label)(m.kind);
}
template <typename IO, typename M>
void captured(IO& io, M& m) {
  io(m.state)(m.count);
}
template <typename IO, typename M>
void details(IO& io, M& m) {
  io(m.board)(m.version)(m.ram)(m.heap)(m.reset)(m.sensor)(m.window)(m.uptime)(m.saves);
}
template <typename IO, typename M>
void error(IO& io, M& m) {
  io(m.status);
}

}  // namespace

#define BYTEFED_MESSAGE(Type, fields)                              \
  void pack(const Type& message, uint8_t* body) {                  \
    static_assert(Type::kSize <= kLargestBody, "MTU 23");          \
    Writer writer(body);                                           \
    fields(writer, message);                                       \
  }                                                                \
  bool unpack(const uint8_t* body, size_t length, Type* message) { \
    if (length < Type::kSize) return false;                        \
    Reader reader(body);                                           \
    fields(reader, *message);                                      \
    return true;                                                   \
  }

BYTEFED_MESSAGE(Hello, hello)
BYTEFED_MESSAGE(Welcome, welcome)
BYTEFED_MESSAGE(Board, board)
BYTEFED_MESSAGE(Config, config)
BYTEFED_MESSAGE(Begin, begin)
BYTEFED_MESSAGE(Accept, accept)
BYTEFED_MESSAGE(Result, result)
BYTEFED_MESSAGE(Get, get)
BYTEFED_MESSAGE(Stored, stored)
BYTEFED_MESSAGE(Add, add)
BYTEFED_MESSAGE(Added, added)
BYTEFED_MESSAGE(Capture, capture)
BYTEFED_MESSAGE(Captured, captured)
BYTEFED_MESSAGE(Details, details)
BYTEFED_MESSAGE(Error, error)
#undef BYTEFED_MESSAGE

}  // namespace bytefed
