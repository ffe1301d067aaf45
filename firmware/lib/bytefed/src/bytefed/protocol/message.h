// Headers and control messages (SPEC 1 and 3): packed little-endian bodies, sizes that never depend
// on data.
#pragma once
#include "bytefed/limits.h"

namespace bytefed {

enum class Kind : uint8_t {
  kHello = 0x01,
  kInfo = 0x02,
  kConfig = 0x03,
  kBegin = 0x04,
  kGet = 0x05,
  kPoll = 0x06,
  kStore = 0x07,
  kAdd = 0x08,
  kCapture = 0x09,
  kSave = 0x0A,
  kAbout = 0x0B,
  kWelcome = 0x41,
  kBoard = 0x42,
  kConfigured = 0x43,
  kAccept = 0x44,
  kResult = 0x45,
  kStored = 0x47,
  kAdded = 0x48,
  kCaptured = 0x49,
  kSaved = 0x4A,
  kDetails = 0x4B,
  kError = 0x7F,
};

enum class Status : uint8_t {
  kOk = 0,
  kBusy = 16,
  kNoSession = 17,
  kBadVersion = 18,
  kBadLength = 19,
  kBadCrc = 20,
  kBadValue = 21,
  kUnknownCodec = 22,
  kStaleRound = 23,
  kNoSamples = 24,
  kStoreFull = 25,
  kBadLabel = 26,
  kTooLarge = 27,
  kNotFinite = 28,
  kUnknownKind = 29,
  kNoExtractor = 30,
  kNoConfig = 31,
  kExtractorFailed = 32,
  kNoSensor = 33,
  kNoStorage = 34,
  kStorageFailed = 35,
};

enum class State : uint8_t { kIdle = 0, kReceiving = 1, kTraining = 2, kReady = 3 };

constexpr size_t kHeaderSize = 2;

struct DataHeader {
  uint8_t transfer;  // 0..3
  bool poll;
  uint16_t index;  // 0..4095
};

inline bool is_data(const uint8_t* frame) {
  return (frame[0] & 0x80u) != 0;
}

inline void pack(const DataHeader& header, uint8_t* frame) {
  frame[0] = static_cast<uint8_t>(0x80u | (header.transfer & 3u) << 5 | (header.poll ? 0x10u : 0u) |
                                  ((header.index >> 8) & 0x0Fu));
  frame[1] = static_cast<uint8_t>(header.index);
}

inline DataHeader unpack_data_header(const uint8_t* frame) {
  return {static_cast<uint8_t>((frame[0] >> 5) & 3u), (frame[0] & 0x10u) != 0,
          static_cast<uint16_t>((frame[0] & 0x0Fu) << 8 | frame[1])};
}

inline void pack_control_header(Kind kind, uint8_t sequence, uint8_t* frame) {
  frame[0] = static_cast<uint8_t>(kind);
  frame[1] = sequence;
}

struct Hello {
  static constexpr Kind kKind = Kind::kHello;
  static constexpr size_t kSize = 11;
  uint8_t version_min, version_max;
  uint32_t run, nonce;
  uint8_t frame_limit;
};

struct Welcome {
  static constexpr Kind kKind = Kind::kWelcome;
  static constexpr size_t kSize = 16;
  uint8_t version;
  State state;
  uint16_t boot;
  uint32_t run;
  uint16_t round;
  uint32_t nonce;
  uint8_t frame_limit, window;
};

struct Board {
  static constexpr Kind kKind = Kind::kBoard;
  static constexpr size_t kSize = 17;
  uint64_t uid;
  uint16_t capabilities;
  uint16_t features;
  uint8_t classes;
  uint32_t model;
};

struct Config {
  static constexpr Kind kKind = Kind::kConfig;
  static constexpr size_t kSize = 15;
  uint8_t codec, epochs, batch;
  float rate;
  uint32_t seed;
  float proximal_mu = 0.0f;
};

struct Begin {
  static constexpr Kind kKind = Kind::kBegin;
  static constexpr size_t kSize = 8;
  static constexpr uint8_t kTrain = 1, kEvaluate = 2, kUncounted = 4;
  uint16_t round;
  uint8_t codec, flags;
  uint32_t head;
};

struct Accept {
  static constexpr Kind kKind = Kind::kAccept;
  static constexpr size_t kSize = 5;
  State state;
  uint16_t index, wait;
};

struct Result {
  static constexpr Kind kKind = Kind::kResult;
  static constexpr size_t kSize = 17;
  Status status;
  uint16_t num_examples;
  float loss;
  uint16_t correct, test_correct, duration;
  uint32_t crc;
};

struct Get {
  static constexpr Kind kKind = Kind::kGet;
  static constexpr size_t kSize = 3;
  uint16_t index;
  uint8_t window;
};

struct Stored {
  static constexpr Kind kKind = Kind::kStored;
  static constexpr size_t kSize = 17;
  uint16_t capacity, train, test;
  uint32_t crc;
  uint8_t max_batch;
  uint16_t buffer;
  uint32_t head;
};

struct Add {
  static constexpr Kind kKind = Kind::kAdd;
  static constexpr size_t kSize = 14;
  static constexpr uint8_t kInputs = 1, kTest = 2, kAnew = 4;
  uint16_t first, count;
  uint8_t kind;
  uint32_t crc;
  float scale;
  int8_t zero_point;
};

struct Added {
  static constexpr Kind kKind = Kind::kAdded;
  static constexpr size_t kSize = 3;
  uint8_t state;
  uint16_t index;
};

struct Capture {
  static constexpr Kind kKind = Kind::kCapture;
  static constexpr size_t kSize = 6;
  static constexpr uint8_t kTest = Add::kTest;
  uint16_t first, count;
  uint8_t label, kind;
};

struct Captured {
  static constexpr Kind kKind = Kind::kCaptured;
  static constexpr size_t kSize = 3;
  uint8_t state;
  uint16_t count;
};

// Which board it is; the numbers are in SPEC 3.
enum class Model : uint8_t {
  kUnknown = 0,
  kNano33Ble = 1,
  kFeather = 2,
  kFeatherSense = 3,
  kItsyBitsy = 4,
  kCircuitPlayground = 5,
};
enum class SensorChip : uint8_t {
  kNone = 0,
  kLsm9ds1 = 1,
  kBmi270 = 2,
  kLsm6ds33 = 3,
  kLsm6ds3trc = 4,
  kLis3dh = 5,
  kReplay = 6,
};
enum class ResetCause : uint8_t { kPower = 0, kWatchdog = 1, kSoftware = 2, kPin = 3, kOther = 4 };

constexpr uint32_t kRamUnit = 16;  // bytes

// Answers ABOUT.
struct Details {
  static constexpr Kind kKind = Kind::kDetails;
  static constexpr size_t kSize = 18;
  Model board;
  uint8_t version[3];  // of the firmware
  uint16_t ram;        // kRamUnit bytes never used so far by heap or stacks, 0 where it can't be told
  uint16_t heap;       // pieces of heap memory that the app asked for since it runs, at most 65535
  ResetCause reset;    // why the board started last
  SensorChip sensor;
  uint16_t window;  // 10 ms from one captured window to the next, 0 without a sensor
  uint32_t uptime;  // seconds
  uint16_t saves;   // images written since the flash was new, modulo 65536
};

struct Error {
  static constexpr Kind kKind = Kind::kError;
  static constexpr size_t kSize = 1;
  Status status;
};

constexpr size_t kLargestBody = 18;  // without an inline blob: fits an ATT MTU of 23

// Each writes kSize bytes to `body`.
void pack(const Hello& message, uint8_t* body);
void pack(const Welcome& message, uint8_t* body);
void pack(const Board& message, uint8_t* body);
void pack(const Config& message, uint8_t* body);
void pack(const Begin& message, uint8_t* body);
void pack(const Accept& message, uint8_t* body);
void pack(const Result& message, uint8_t* body);
void pack(const Get& message, uint8_t* body);
void pack(const Stored& message, uint8_t* body);
void pack(const Add& message, uint8_t* body);
void pack(const Added& message, uint8_t* body);
void pack(const Capture& message, uint8_t* body);
void pack(const Captured& message, uint8_t* body);
void pack(const Details& message, uint8_t* body);
void pack(const Error& message, uint8_t* body);

// Each reads kSize bytes; false, and nothing written, when there are fewer. Values are not judged
// here.
bool unpack(const uint8_t* body, size_t length, Hello* message);
bool unpack(const uint8_t* body, size_t length, Welcome* message);
bool unpack(const uint8_t* body, size_t length, Board* message);
bool unpack(const uint8_t* body, size_t length, Config* message);
bool unpack(const uint8_t* body, size_t length, Begin* message);
bool unpack(const uint8_t* body, size_t length, Accept* message);
bool unpack(const uint8_t* body, size_t length, Result* message);
bool unpack(const uint8_t* body, size_t length, Get* message);
bool unpack(const uint8_t* body, size_t length, Stored* message);
bool unpack(const uint8_t* body, size_t length, Add* message);
bool unpack(const uint8_t* body, size_t length, Added* message);
bool unpack(const uint8_t* body, size_t length, Capture* message);
bool unpack(const uint8_t* body, size_t length, Captured* message);
bool unpack(const uint8_t* body, size_t length, Details* message);
bool unpack(const uint8_t* body, size_t length, Error* message);

}  // namespace bytefed
