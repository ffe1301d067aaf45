// A board at use against the real session and serial link: its instructions from a question to its answer.
// The sensor and the extractor cost nothing: theirs are not the core's.
#pragma once
#include <cstring>

#include "bytefed/protocol/crc.h"
#include "bytefed/session/serial_link.h"
#include "console.h"
#include "stopwatch.h"

struct WatchCost {
  uint64_t question = 0;  // CLASSIFY: framing, checks, until the board waits for the sensor
  uint64_t window = 0;    // it is there: classified, and answered
  uint64_t shown = 0;     // the same, and phones read it
  uint64_t stack = 0;     // bytes
};

template <uint16_t D, uint8_t C, uint16_t Inputs>
class ScriptedWatch {
 public:
  explicit ScriptedWatch(const Stopwatch& stopwatch)
      : stopwatch_(stopwatch),
        memory_(),
        session_(memory_.view(), identity(), port()),
        serial_(this, &ScriptedWatch::write) {}

  // The head is made up; all counts but that of exp are the same for all.
  WatchCost run() {
    using namespace bytefed;
    for (size_t i = 0; i < HeadShape{D, C}.parameters(); ++i) {
      memory_.global[i] = 0.001f * static_cast<float>(crc32(&i, sizeof i) % 256u);
    }
    ask(Hello{kProtocolVersion, kProtocolVersion, kVisit, 1, kMaxFrame});
    WatchCost cost;
    cost.question = ask(Classify{0, 0, 0});
    cost.window = see();
    ask(Classify{1, Classify::kShow, 0});
    cost.shown = see();
    cost.stack = stack_depth([&] {
      ask(Classify{2, Classify::kShow, 0});
      see();
    });
    if (session_.watched().window != 3 || shown_ == 0) fatal("the scripted watch did not come to its end");
    return cost;
  }

 private:
  static bytefed::Identity identity() {
    bytefed::Identity identity = {};
    identity.input_size = Inputs;
    identity.features = {0.0118f, -3};
    return identity;
  }

  bytefed::Port port() {
    bytefed::Port port = {};
    port.context = this;
    port.millis = [](void*) { return uint32_t{0}; };
    port.extract = [](void*, const int8_t*, int8_t* features) {
      features[0] = 1;  // the others are what the window's memory holds
      return true;
    };
    port.sense = [](void* context, int8_t*) {
      ScriptedWatch* const self = static_cast<ScriptedWatch*>(context);
      const bool there = self->windows_ > 0;
      self->windows_ = 0;
      return there;
    };
    port.show = [](void* context, const char*, size_t length) {
      static_cast<ScriptedWatch*>(context)->shown_ = length;
      return true;
    };
    return port;
  }

  template <typename M>
  uint64_t ask(const M& message) {
    uint8_t frame[bytefed::kMaxFrame], wire[bytefed::kMaxSerialWire];
    bytefed::pack_control_header(M::kKind, ++sequence_, frame);
    bytefed::pack(message, frame + bytefed::kHeaderSize);
    const size_t size = bytefed::encode_serial_frame(frame, bytefed::kHeaderSize + M::kSize, wire);
    return stopwatch_.count([&] {
      for (size_t i = 0; i < size; ++i) serial_.receive(session_, wire[i]);
      work();
    });
  }

  // The next window is there.
  uint64_t see() {
    windows_ = 1;
    return stopwatch_.count([&] { work(); });
  }

  void work() {
    bool busy = true;
    while (busy) {
      busy = session_.poll();
      serial_.flush();
    }
  }

  static size_t write(void*, const uint8_t*, size_t length) { return length; }

  const Stopwatch& stopwatch_;
  bytefed::StaticMemory<D, C, 1, 1, true, Inputs> memory_;
  bytefed::Session session_;
  bytefed::SerialLink serial_;
  size_t windows_ = 0, shown_ = 0;
  uint8_t sequence_ = 0;
};
