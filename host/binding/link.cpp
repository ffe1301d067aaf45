// Checksums, serial frames and messages of the core, so that tests can compare them with Python's.
#include <nanobind/stl/vector.h>

#include <stdexcept>

#include "bindings.h"
#include "bytefed/protocol/crc.h"
#include "bytefed/protocol/header.h"
#include "bytefed/protocol/serial_frame.h"

namespace nb = nanobind;
using namespace bytefed;

namespace {

const uint8_t* data_of(const nb::bytes& bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.c_str());
}

nb::bytes encode_bare(nb::bytes frame) {
  if (frame.size() < kHeaderSize || frame.size() > kMaxFrame) {
    throw std::invalid_argument("a frame has 2 to 250 bytes");
  }
  uint8_t wire[kMaxSerialWire];
  const size_t length = encode_bare_serial_frame(data_of(frame), frame.size(), wire);
  return nb::bytes(wire, length);
}

nb::bytes encode(nb::bytes frame) {
  if (frame.size() < kHeaderSize || frame.size() > kMaxFrame) {
    throw std::invalid_argument("a frame has 2 to 250 bytes");
  }
  uint8_t wire[kMaxSerialWire];
  const size_t length = encode_serial_frame(data_of(frame), frame.size(), wire);
  return nb::bytes(wire, length);
}

std::vector<nb::bytes> decode(SerialFrameDecoder& decoder, nb::bytes wire) {
  std::vector<nb::bytes> frames;
  for (size_t i = 0; i < wire.size(); ++i) {
    if (decoder.push(data_of(wire)[i])) frames.emplace_back(decoder.frame(), decoder.length());
  }
  return frames;
}

// The core's decoder, with every byte of the wire accounted for: the host books what the decoder drops.
class SerialReader {
 public:
  // Returns what the bytes complete: (frame, bytes on the wire, bare frame); the frame is empty for padding,
  // None for what has no right CRC-16; the bare frame is what a tag may prove, None for none.
  nb::list push(const nb::bytes& wire) {
    nb::list found;
    const uint8_t* const bytes = data_of(wire);
    for (size_t i = 0; i < wire.size(); ++i) take(bytes[i], found);
    return found;
  }

  // Number of bytes taken that are not part of anything returned so far.
  size_t pending() const { return pending_; }

 private:
  void take(uint8_t byte, nb::list& found) {
    if (full_packet_) {
      full_packet_ = false;
      if (byte == 0) ++pending_;  // its second delimiter
      tell(found);
      if (byte == 0) return;
    }
    ++pending_;
    found_ = decoder_.take(byte);
    if (byte != 0) return;
    full_packet_ = pending_ % kPacket == 0 && pending_ <= kLongest;
    if (!full_packet_) tell(found);
  }

  void tell(nb::list& found) {
    nb::object frame = nb::none(), bare = nb::none();
    if (found_ != Found::kNothing) bare = nb::bytes(decoder_.frame(), decoder_.bare_length());
    if (found_ == Found::kChecked) frame = nb::bytes(decoder_.frame(), decoder_.length());
    if (pending_ == 1) frame = nb::bytes("", 0);
    found.append(nb::make_tuple(frame, pending_, bare));
    pending_ = 0;
  }

  using Found = SerialFrameDecoder::Found;

  static constexpr size_t kPacket = 64;                   // of USB CDC
  static constexpr size_t kLongest = kMaxSerialWire - 1;  // with one delimiter
  SerialFrameDecoder decoder_;
  size_t pending_ = 0;
  Found found_ = Found::kNothing;  // what ended last
  bool full_packet_ = false;       // it ended with a packet, and its second delimiter may still come
};

// Unpacks a body with the core and packs it again: the result must equal the input.
template <typename M>
nb::object repack_as(const nb::bytes& body) {
  M message;
  if (!unpack(data_of(body), body.size(), &message)) return nb::none();
  uint8_t packed[M::kSize];
  pack(message, packed);
  return nb::bytes(packed, sizeof packed);
}

nb::object repack(int kind, nb::bytes body) {
  switch (static_cast<Kind>(kind)) {
#define BYTEFED_REPACK(Message) \
  case Message::kKind: return repack_as<Message>(body);
    BYTEFED_MESSAGES(BYTEFED_REPACK)
#undef BYTEFED_REPACK
    default: throw std::invalid_argument("no such message, or it has no body");
  }
}

}  // namespace

void bind_link(nb::module_& module) {
  module.def("crc16", [](nb::bytes data) { return crc16(data_of(data), data.size()); });
  module.def("crc32", [](nb::bytes data) { return crc32(data_of(data), data.size()); });
  module.def("encode_serial_frame", &encode, nb::arg("frame"));
  module.def("encode_bare_serial_frame", &encode_bare, nb::arg("frame"),
             "The same without a CRC-16, for frames that a tag proves.");
  module.def("repack", &repack, nb::arg("kind"), nb::arg("body"),
             "Unpack and pack a message's body; None when it is too short.");
  nb::class_<SerialFrameDecoder>(module, "SerialFrameDecoder")
      .def(nb::init<>())
      .def("push", &decode, nb::arg("wire"), "Feed bytes, get the valid frames they complete.");
  nb::class_<SerialReader>(module, "SerialReader")
      .def(nb::init<>())
      .def("push", &SerialReader::push, nb::arg("wire"),
           nb::sig("def push(self, wire: bytes) -> list[tuple[bytes | None, int, bytes | None]]"),
           "Feed bytes, get what they complete: a frame (empty for padding, None without a right CRC-16), "
           "its bytes "
           "on the wire, and the frame that a tag may prove (None for none).")
      .def_prop_ro("pending", &SerialReader::pending,
                   "Bytes taken that are not part of anything returned so far.");
}
