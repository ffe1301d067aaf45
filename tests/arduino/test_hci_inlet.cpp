// The Nano's inlet from radio to BLE library: it hands over packets whole or not at all, and nothing that the
// library could not hold.
#include "check.h"
#include "nano/hci_inlet.h"

namespace {

using check::Bytes;
using check::joined;

constexpr uint8_t kFirst = 0x20, kMore = 0x10;

struct Radio {
  HciInlet inlet;

  // Gives a packet as Mbed does: the type by itself, then at most 255 bytes at a time.
  void gives(const Bytes& packet) {
    inlet.take(packet.data(), 1);
    for (size_t at = 1; at < packet.size(); at += 255) {
      inlet.take(packet.data() + at, std::min<size_t>(255, packet.size() - at));
    }
  }
  Bytes all() {
    Bytes bytes;
    while (inlet.available() > 0) bytes.push_back(static_cast<uint8_t>(inlet.read()));
    return bytes;
  }
};

Bytes data(uint8_t part, const Bytes& content) {
  return joined({2, 1, part, static_cast<uint8_t>(content.size()), static_cast<uint8_t>(content.size() >> 8)},
                content);
}
// The first piece of an L2CAP packet of `length` bytes behind its header.
Bytes first(uint16_t length, size_t sent) {
  return data(kFirst, joined({static_cast<uint8_t>(length), static_cast<uint8_t>(length >> 8), 4, 0},
                             Bytes(sent, 7)));
}
Bytes acknowledgement(uint8_t count) {
  return {4, 0x13, 5, 1, 1, 0, count, 0};
}
const Bytes kDisconnected = {4, 0x05, 4, 0, 1, 0, 8};
const Bytes kConnected = {4, 0x3E, 6, 1, 0, 1, 0, 1, 0};

TEST(packets_come_out_as_they_went_in) {
  Radio radio;
  const Bytes full = first(247, 247);
  for (int i = 0; i < 20; ++i) {  // the ring wraps around
    radio.gives(full);
    radio.gives(acknowledgement(1));
    CHECK_EQUAL(radio.all(), joined(full, acknowledgement(1)));
  }
  CHECK_EQUAL(radio.inlet.read(), -1);
  CHECK_EQUAL(radio.inlet.peek(), -1);
}

TEST(data_that_have_no_room_are_lost_whole_and_events_never) {
  Radio radio;
  const Bytes full = first(247, 247);
  for (int i = 0; i < 10; ++i) radio.gives(full);
  for (int i = 0; i < 4; ++i) radio.gives(acknowledgement(1));
  Bytes expected;
  for (int i = 0; i < 3; ++i) expected = joined(expected, full);
  for (int i = 0; i < 4; ++i) expected = joined(expected, acknowledgement(1));
  CHECK_EQUAL(radio.all(), expected);
}

TEST(a_packet_that_lost_a_piece_is_lost) {
  Radio radio;
  const Bytes full = first(247, 247);
  for (int i = 0; i < 3; ++i) radio.gives(full);
  radio.gives(first(240, 200));  // no room
  radio.all();
  radio.gives(data(kMore, Bytes(40)));
  CHECK_EQUAL(radio.all(), Bytes());
  radio.gives(first(240, 200));
  radio.gives(data(kMore, Bytes(40)));
  CHECK_EQUAL(radio.all().size(), 5u + 4 + 200 + 5 + 40);
}

TEST(what_the_library_could_not_hold_never_reaches_it) {
  Radio radio;
  radio.gives(first(248, 27));             // longer than its MTU
  radio.gives(data(kMore, Bytes(27)));     // and what belongs to it
  radio.gives(first(10, 20));              // more than it says
  radio.gives(data(kMore, Bytes(20)));     // of no packet at all
  radio.gives(data(kFirst, {1, 0}));       // half a header
  radio.gives(data(kFirst, {}));           // without content the library would wait for the next packet's
  radio.gives(data(0x00, Bytes(20)));      // a piece that a controller does not send
  radio.gives(data(kFirst, Bytes(1000)));  // longer than any buffer
  radio.gives({4, 0x13, 0});
  CHECK_EQUAL(radio.all(), Bytes());
  radio.gives(first(100, 60));
  radio.gives(data(kMore, Bytes(41)));  // one more than is missing
  radio.gives(data(kMore, Bytes(40)));  // nothing is missing any more
  CHECK_EQUAL(radio.all(), first(100, 60));
  radio.gives(kDisconnected);
  CHECK_EQUAL(radio.all(), kDisconnected);
}

TEST(the_controller_s_buffers_are_counted) {
  Radio radio;
  for (int i = 0; i < 3; ++i) radio.inlet.sent();
  CHECK_EQUAL(radio.inlet.unacknowledged(), 3u);
  radio.gives(acknowledgement(2));
  CHECK_EQUAL(radio.inlet.unacknowledged(), 1u);
  radio.gives({4, 0x13, 9, 2, 1, 0, 1, 0, 2, 0, 7, 0});  // more than it got
  CHECK_EQUAL(radio.inlet.unacknowledged(), 0u);
}

TEST(what_a_lost_link_took_along_is_acknowledged) {
  for (const Bytes& end : {kDisconnected, kConnected}) {
    Radio radio;
    for (int i = 0; i < 3; ++i) radio.inlet.sent();
    radio.gives(end);
    CHECK_EQUAL(radio.inlet.unacknowledged(), 0u);
    CHECK_EQUAL(radio.all(), joined(acknowledgement(3), end));
    radio.gives(end);
    CHECK_EQUAL(radio.all(), end);
  }
}

TEST(other_bytes_are_no_packets) {
  Radio radio;
  radio.gives({1, 3, 9, 9});
  CHECK_EQUAL(radio.inlet.available(), 0u);
}

}  // namespace
