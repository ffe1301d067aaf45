// Checksums, serial frames and messages of the core, so that tests can set them beside Python's.
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

// Unpacks a body with the core and packs it again: what comes back must be what went in.
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
  module.def("repack", &repack, nb::arg("kind"), nb::arg("body"),
             "Unpack and pack a message's body; None when it is too short.");
  nb::class_<SerialFrameDecoder>(module, "SerialFrameDecoder")
      .def(nb::init<>())
      .def("push", &decode, nb::arg("wire"), "Feed bytes, get the valid frames they complete.");
}
