// A board of the core as a shared library with a C interface, so that many variants of the core can be tried
// from one build of everything else. The core's sources are included here: one compiler run makes a variant.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bytefed/session/serial_link.h"
#include "bytefed/session/session.h"

using namespace bytefed;

namespace {

constexpr uint16_t kFeatures = 3;
constexpr uint8_t kClasses = 3;

struct TestBoard {
  TestBoard(uint64_t uid, uint16_t boot, uint8_t window, uint8_t frame_limit)
      : session(memory.view(), {uid, boot, 0, 0, 0, {1.0f, 0}}, {this, &TestBoard::millis, nullptr}),
        serial(this, &TestBoard::write, window),
        frames{this, &TestBoard::send_frame, frame_limit, window} {}

  static uint32_t millis(void* context) { return static_cast<TestBoard*>(context)->now; }
  static size_t write(void* context, const uint8_t* data, size_t length) {
    static_cast<TestBoard*>(context)->out.append(reinterpret_cast<const char*>(data), length);
    return length;
  }
  static bool send_frame(void* context, const uint8_t* frame, size_t length) {
    static_cast<TestBoard*>(context)->out_frames.emplace_back(reinterpret_cast<const char*>(frame), length);
    return true;
  }

  StaticMemory<kFeatures, kClasses, 16, 4> memory;
  uint32_t now = 0;
  std::string out;
  std::vector<std::string> out_frames;
  Session session;
  SerialLink serial;
  Link frames;
};

// The state that a board with flash has after a loss of power.
struct Image {
  decltype(TestBoard::memory) memory;
  RoundRecord round;
  SamplesRecord samples;
};

size_t give(const std::string& data, uint8_t* buffer) {
  std::copy(data.begin(), data.end(), buffer);
  return data.size();
}

}  // namespace

extern "C" {

TestBoard* board_new(uint64_t uid, uint16_t boot, uint8_t window, uint8_t frame_limit) {
  return new TestBoard(uid, boot, window, frame_limit);
}
void board_delete(TestBoard* board) {
  delete board;
}
void board_set_millis(TestBoard* board, uint32_t millis) {
  board->now = millis;
}
int board_state(TestBoard* board) {
  return static_cast<int>(board->session.state());
}
int board_round(TestBoard* board) {
  return board->session.round();
}
bool board_poll(TestBoard* board) {
  return board->session.poll();
}

void board_feed(TestBoard* board, const uint8_t* data, size_t length) {
  for (size_t i = 0; i < length; ++i) {
    board->serial.receive(board->session, data[i]);
    board->session.poll();
  }
}
void board_feed_frame(TestBoard* board, const uint8_t* data, size_t length) {
  board->session.receive(&board->frames, data, length);
}

// Writes what flash would keep into `image` and returns its size, 0 for a board that is not at rest.
size_t board_save(TestBoard* board, uint8_t* image) {
  if (!board->session.at_rest()) return 0;
  const Image now = {board->memory, board->session.round_record(), board->session.samples_record()};
  std::memcpy(image, &now, sizeof now);
  return sizeof now;
}
bool board_load(TestBoard* board, const uint8_t* image) {
  Image then;
  std::memcpy(&then, image, sizeof then);
  board->memory = then.memory;
  return board->session.restore(then.round) && board->session.restore(then.samples);
}

// Both copy what the board has to say into `buffer` (64 KB are plenty) and return the number of bytes.
size_t board_take(TestBoard* board, uint8_t* buffer) {
  const size_t length = give(board->out, buffer);
  board->out.clear();
  return length;
}
size_t board_take_frame(TestBoard* board, uint8_t* buffer) {
  if (board->out_frames.empty()) return 0;
  const size_t length = give(board->out_frames.front(), buffer);
  board->out_frames.erase(board->out_frames.begin());
  return length;
}
}
