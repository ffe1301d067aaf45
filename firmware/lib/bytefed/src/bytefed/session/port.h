// The functions that a board must provide to run a session. Everything else is portable.
#pragma once
#include "bytefed/protocol/message.h"
#include "bytefed/secure_sum/sum_codec.h"

namespace bytefed {

class SealedLink;

// One way to the host. It outlives the session.
struct Link {
  void* context;
  // Takes one frame. False: there is no room now and nothing was taken; call again later.
  bool (*send)(void* context, const uint8_t* frame, size_t length);
  uint8_t frame_limit;  // largest frame in either direction, kMinFrame..kMaxFrame
  uint8_t window;       // chunks that the link's receive buffer takes in one burst, 1..kMaxWindow
  // Does what send does, for a frame that needs no checksum. Null: send adds none.
  bool (*send_bare)(void* context, const uint8_t* frame, size_t length) = nullptr;
  // Seals what goes over this link; null: it is open.
  SealedLink* seal = nullptr;
  // Whether it is a cable: over no other link does a board take a key.
  bool cable = false;
};

// The privacy budget as flash keeps it.
struct BudgetRecord {
  static constexpr uint16_t kWhole = 0xB0A5;

  uint32_t total, spent;  // in units of 2^-28 of rho
  uint16_t set;           // whose it is: SampleStore::set()
  // kWhole: its unit is the whole board; anything else: one sample. Older firmware, which knew samples alone,
  // left here what the memory held.
  uint16_t whole;
};

struct Port {
  void* context;
  // Milliseconds since any fixed time; wraps around.
  uint32_t (*millis)(void* context);
  // Runs the feature extractor: `input_size` int8 values in, D int8 features out. Null when there
  // is none.
  bool (*extract)(void* context, const int8_t* input, int8_t* features);
  // Reads the sensor's next window in the extractor's format. False: it is not complete yet. Null
  // when there is no sensor, or the extractor does not take windows.
  bool (*sense)(void* context, int8_t* input) = nullptr;
  // Fills in the answer to ABOUT. Null: ABOUT is answered as an unknown kind.
  void (*about)(void* context, Details* details) = nullptr;
  // Writes everything that is to survive a loss of power before it returns. False if that failed. Null: the
  // board has no such storage.
  bool (*save)(void* context) = nullptr;
  // Fills memory with random bytes that nobody can guess. False: there are none now. Null: the board has no
  // source of them, and takes no noise.
  bool (*random)(void* context, uint8_t* bytes, size_t length) = nullptr;
  // Keeps the privacy budget over a loss of power before it returns. False if that failed. Null: the board
  // has no such storage, and loses its samples with the budget.
  bool (*keep_budget)(void* context, const BudgetRecord& record) = nullptr;
  // Lets everybody near read a text of up to kPhoneText bytes, without a key, in place of the one before; 0
  // bytes: nothing any more. False: nobody can, since the radio is off. Null: the board has no radio.
  bool (*show)(void* context, const char* text, size_t length) = nullptr;
  // Tells how loud the microphone's sound is. Null: the board has none, or no model that takes sound.
  Levelled (*level)(void* context) = nullptr;
};

// Bytes of the longest text for phones: a name, a space, "100%" (SPEC 1.2). The smallest ATT MTU has room.
constexpr size_t kPhoneText = kLabelName + 5;

// The board's identity, fixed from boot to reset.
struct Identity {
  uint64_t uid;
  uint16_t boot;          // a random number drawn at each boot
  uint16_t capabilities;  // Board::kExtractor and the like
  uint32_t model;         // CRC-32 of the .tflite file, 0 for none
  uint16_t input_size;    // int8 values that the extractor takes, 0 for none
  Quantization features;  // scale and zero point of the extractor's output
};

// Number of floats in Memory::local that rounds without masks use: a head and, for lossy codecs, a blob
// behind it.
constexpr size_t plain_floats(HeadShape shape, bool lossy) {
  return lossy ? padded(shape.parameters()) + lossy_blob_floats(shape.parameters()) : shape.parameters();
}

// Number of floats in Memory::local: the blob may be a masked one.
constexpr size_t local_floats(HeadShape shape, bool lossy) {
  return lossy ? padded(shape.parameters()) + sum_blob_floats(shape.parameters())
               : shape.parameters() + kSumWords;
}

// Memory that the session works in; the caller owns it. P is that of the largest head, capacity().
struct Memory {
  HeadShape shape;   // of the head now: LABEL changes its classes
  float* global;     // P floats: the global head
  float* local;      // local_floats() floats: incoming blob, local head, then the delta or its encoding error
  float* residual;   // P floats: the uplink's error feedback; null: float32 is the only codec
  float* workspace;  // training_workspace(shape, max_batch) floats
  uint8_t max_batch;     // 1..255
  uint8_t* samples;      // capacity * SampleStore::record_size(D) bytes
  uint16_t capacity;     // samples
  uint8_t most_classes;  // columns that the arrays have room for, shape.classes or more
  char* names;           // most_classes * kLabelName bytes: the labels' names, zeros behind each
  float* personal;       // P floats: the board's own head; null: it keeps none
  int8_t* window;        // window_size(): a window that is classified or recorded; null: it does neither

  constexpr HeadShape largest() const { return {shape.features, most_classes}; }
};

// int8 values of Memory::window: a window, and the features that the extractor makes of it.
constexpr size_t window_size(uint16_t input_size, uint16_t features) {
  return static_cast<size_t>(input_size) + features;
}

// Memory with sizes fixed at compile time, for boards; C is the most classes. Without Lossy, float32 is the
// only codec. Window is the extractor's input on boards that classify what their sensor tells, 0 on others.
template <uint16_t D, uint8_t C, uint16_t Capacity, uint8_t MaxBatch, bool Lossy = true, uint16_t Window = 0>
struct StaticMemory {
  static constexpr HeadShape kShape = {D, C};
  static_assert(kShape.valid(), "head shape out of range");

  float global[kShape.parameters()];
  float local[local_floats(kShape, Lossy)];
  float residual[Lossy ? kShape.parameters() : 1];
  float workspace[static_cast<size_t>(C) * MaxBatch];
  uint8_t samples[Capacity * (1u + D)];
  char names[C * kLabelName];
  float personal[Window > 0 ? kShape.parameters() : 1];
  int8_t window[Window > 0 ? window_size(Window, D) : 1];

  // `classes`: those of the head until LABEL says otherwise, 2..C.
  Memory view(uint8_t classes = C) {
    return {HeadShape{D, classes},
            global,
            local,
            Lossy ? residual : nullptr,
            workspace,
            MaxBatch,
            samples,
            Capacity,
            C,
            names,
            Window > 0 ? personal : nullptr,
            Window > 0 ? window : nullptr};
  }
};

}  // namespace bytefed
