// A session behind a byte stream whose driver takes what it likes.
#include <random>

#include "bench_board.h"
#include "bytefed/session/serial_link.h"

using namespace bench;

namespace {

struct Driver {
  static size_t write(void* context, const uint8_t* data, size_t length) {
    Driver* self = static_cast<Driver*>(context);
    const size_t taken = std::min<size_t>(length, self->room);
    self->room -= taken;
    self->out.insert(self->out.end(), data, data + taken);
    return taken;
  }
  size_t room = 0;
  Bytes out;
};

}  // namespace

TEST(serial_link_writes_everything_however_little_the_driver_takes) {
  std::mt19937 rng(8);
  BenchBoard board;
  Driver driver;
  SerialLink link(&driver, &Driver::write, 4);
  const auto say = [&](const Bytes& frame) {
    Bytes wire(kMaxSerialWire);
    wire.resize(encode_serial_frame(frame.data(), frame.size(), wire.data()));
    for (uint8_t byte : wire) link.receive(board.session, byte);
  };
  say(board.control(Kind::kHello, 1, body_of(Hello{2, 2, 1, 2, 250})));
  for (uint8_t i = 0; i < 20; ++i) {
    for (int slice = 0; slice < 1000 && (board.session.poll() || !link.flush()); ++slice) {
      driver.room = rng() % 3;
    }
    driver.room = 1000;
    CHECK(link.flush());
    driver.room = 0;
    say(board.control(Kind::kInfo, static_cast<uint8_t>(2 + i)));
  }
  driver.room = 1000;
  board.work();
  CHECK(link.flush());
  SerialFrameDecoder decoder;
  std::vector<Bytes> frames;
  for (uint8_t byte : driver.out) {
    if (decoder.push(byte)) frames.emplace_back(decoder.frame(), decoder.frame() + decoder.length());
  }
  CHECK_EQUAL(frames.size(), 21u);
  for (size_t i = 0; i < frames.size(); ++i) CHECK_EQUAL(frames[i][1], i + 1);
}
