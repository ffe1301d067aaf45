#include <random>

#include "bytefed/protocol/crc.h"
#include "bytefed/protocol/serial_frame.h"
#include "vectors.h"

using namespace bytefed;
using check::Bytes;

namespace {

Bytes encode(const Bytes& frame) {
  Bytes wire(kMaxSerialWire);
  wire.resize(encode_serial_frame(frame.data(), frame.size(), wire.data()));
  return wire;
}

std::vector<Bytes> decode(SerialFrameDecoder& decoder, const Bytes& wire) {
  std::vector<Bytes> frames;
  for (uint8_t byte : wire) {
    if (decoder.push(byte)) frames.emplace_back(decoder.frame(), decoder.frame() + decoder.length());
  }
  return frames;
}

Bytes random_bytes(std::mt19937& rng, size_t length) {
  Bytes bytes(length);
  for (uint8_t& byte : bytes) byte = rng() % 4 == 0 ? 0 : static_cast<uint8_t>(rng());
  return bytes;
}

}  // namespace

TEST(crc_check_values) {
  const uint8_t digits[] = "123456789";
  CHECK_EQUAL(crc16(digits, 9), 0x29B1);
  CHECK_EQUAL(crc32(digits, 9), 0xCBF43926u);
  CHECK_EQUAL(crc16(digits + 4, 5, crc16(digits, 4)), 0x29B1);
  CHECK_EQUAL(crc32(digits, 0), 0u);
}

TEST(frame_vectors) {
  SerialFrameDecoder decoder;
  for (const auto& fields : vectors::read("frames.txt")) {
    const Bytes frame = vectors::bytes(fields[0]), wire = vectors::bytes(fields[1]);
    CHECK_EQUAL(encode(frame), wire);
    CHECK_EQUAL(serial_wire_size(frame.size()), wire.size());
    const auto decoded = decode(decoder, wire);
    CHECK_EQUAL(decoded.size(), 1u);
    if (decoded.size() == 1) CHECK_EQUAL(decoded[0], frame);
  }
}

TEST(frame_survives_any_garbage_before_a_delimiter) {
  std::mt19937 rng(1);
  SerialFrameDecoder decoder;
  for (int i = 0; i < 5000; ++i) {
    decode(decoder, random_bytes(rng, rng() % 600));
    decoder.push(0);
    const Bytes frame = random_bytes(rng, 2 + rng() % 249);
    const auto decoded = decode(decoder, encode(frame));
    CHECK_EQUAL(decoded.size(), 1u);
    if (decoded.size() == 1) CHECK_EQUAL(decoded[0], frame);
  }
}

TEST(frame_with_any_single_bit_flipped_is_dropped) {
  std::mt19937 rng(2);
  for (size_t length : {2u, 3u, 17u, 60u, 250u}) {
    const Bytes frame = random_bytes(rng, length), wire = encode(frame);
    for (size_t bit = 0; bit + 8 < 8 * wire.size(); ++bit) {
      Bytes broken = wire;
      broken[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
      SerialFrameDecoder decoder;
      for (const Bytes& got : decode(decoder, broken)) CHECK(!(got == frame));
      CHECK_EQUAL(decode(decoder, Bytes{0}).size(), 0u);
      CHECK_EQUAL(decode(decoder, wire).size(), 1u);
    }
  }
}

TEST(frame_too_long_is_dropped_and_never_overflows) {
  for (size_t extra = 1; extra < 400; ++extra) {
    for (uint8_t code : {uint8_t{1}, uint8_t{2}, uint8_t{0xFE}, uint8_t{0xFF}}) {
      SerialFrameDecoder decoder;
      CHECK_EQUAL(decode(decoder, Bytes(252 + extra, code)).size(), 0u);
      CHECK(!decoder.push(0));
      CHECK_EQUAL(decode(decoder, encode(Bytes{6, 1})).size(), 1u);
    }
  }
}

TEST(frame_shorter_than_a_header_is_dropped) {
  SerialFrameDecoder decoder;
  const Bytes one = {7};
  const uint16_t crc = crc16(one.data(), 1);
  const Bytes wire = {4, 7, static_cast<uint8_t>(crc), static_cast<uint8_t>(crc >> 8), 0};
  CHECK_EQUAL(decode(decoder, wire).size(), 0u);
  CHECK_EQUAL(decode(decoder, Bytes(10, 0)).size(), 0u);
}
