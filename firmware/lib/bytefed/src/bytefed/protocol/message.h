// Control messages (SPEC 3): packed little-endian bodies, sizes that never depend on data.
// Made by tools/message_table/generate.py from firmware/lib/bytefed/messages.toml: do not edit.
#pragma once
#include <cstddef>
#include <cstdint>

namespace bytefed {

// The protocol version that SPEC.md defines.
constexpr uint8_t kProtocolVersion = 2;
// The run of a HELLO that belongs to no run: nothing that follows it takes the board out of its run.
constexpr uint32_t kVisit = 0;
// Bytes of a frame's header.
constexpr size_t kHeaderSize = 2;
// Bytes of the longest frame, header included: COBS adds exactly one byte to it and its CRC-16.
constexpr size_t kMaxFrame = 250;
// Bytes of the smallest frame limit, which is what an ATT MTU of 23 leaves.
constexpr size_t kMinFrame = 20;
// Bytes of the longest body without its blob: with the header it fits the smallest frame.
constexpr size_t kLargestBody = 18;
// Chunks of the largest window: one bit each in a 32-bit word.
constexpr size_t kMaxWindow = 32;
// Chunks of the longest transfer: their number is the index of a final ACK, which has 12 bits.
constexpr size_t kMaxChunks = 4095;
// The bit of CONFIG's codec_up that asks for personal heads.
constexpr uint8_t kPersonal = 128;
// The bit of NOISE's grid that asks for noise that hides whole boards.
constexpr uint8_t kWhole = 128;
// Bytes of a label's name at most, in UTF-8: with its message it fits the smallest frame.
constexpr size_t kLabelName = 12;
// The label of a window that is none of those that the board knows.
constexpr uint8_t kNoLabel = 255;
// Bytes in a unit of the ram in DETAILS.
constexpr uint32_t kRamUnit = 16;

enum class Kind : uint8_t {
  kHello = 0x01,
  kWelcome = 0x41,
  kGreet = 0x0D,
  kWelcomed = 0x4D,
  kInfo = 0x02,
  kBoard = 0x42,
  kConfig = 0x03,
  kConfigured = 0x43,
  kNext = 0x10,
  kBegin = 0x20,
  kAccept = 0x44,
  kDone = 0x50,
  kResult = 0x45,
  kGet = 0x05,
  kPoll = 0x06,
  kStore = 0x07,
  kStored = 0x47,
  kAdd = 0x08,
  kAdded = 0x48,
  kCapture = 0x09,
  kCaptured = 0x49,
  kDiscard = 0x0F,
  kDiscarded = 0x4F,
  kLabel = 0x30,
  kLabelled = 0x70,
  kClassify = 0x31,
  kClassified = 0x71,
  kRecord = 0x34,
  kRecorded = 0x74,
  kLevel = 0x35,
  kLevelled = 0x75,
  kNoise = 0x33,
  kNoised = 0x73,
  kMask = 0x32,
  kMasked = 0x72,
  kPeers = 0x3A,
  kPeered = 0x7A,
  kUnmask = 0x3B,
  kUnmasked = 0x7B,
  kRelease = 0x0E,
  kReleased = 0x4E,
  kSave = 0x0A,
  kSaved = 0x4A,
  kAbout = 0x0B,
  kDetails = 0x4B,
  kPair = 0x0C,
  kPaired = 0x4C,
  kError = 0x7F,
};

// The result of a request or of a round.
enum class Status : uint8_t {
  kOk = 0,
  kOtherSamples = 1,  // in DONE, and in a masked RESULT: trained, on others than the last STORED told of
  kBusy = 16,         // not possible in this state
  kNoSession = 17,    // HELLO must come first (a board also answers this after a reset)
  kBadVersion = 18,   // no common protocol version
  kBadLength = 19,    // body too short, or too long for its kind
  kBadCrc = 20,       // the blob, or the head that it makes, is not the one announced
  kBadValue = 21,     // a field is out of its range
  kUnknownCodec = 22,
  kStaleRound = 23,  // a later round has begun
  kNoSamples = 24,   // nothing to train on
  kStoreFull = 25,
  kBadLabel = 26,   // a label is not below C
  kTooLarge = 27,   // the transfer does not fit the board's buffer
  kNotFinite = 28,  // the received head, or the trained one, has a NaN or an infinity
  kUnknownKind = 29,
  kNoExtractor = 30,  // the board takes features only
  kNoConfig = 31,     // CONFIG must come first, or with it
  kExtractorFailed = 32,
  kNoSensor = 33,       // no sensor, or an extractor whose input is not a window of readings
  kNoStorage = 34,      // the board has no memory that survives a loss of power
  kStorageFailed = 35,  // writing to flash failed; the last saved state is still there
  kNotReceived = 36,    // POLL asks about a request that has not arrived in this session
  kLocked = 37,  // the board has a key, and the request is not sealed with it; the board's uid (u64) follows
  kUnpaired = 38,   // the board has no key
  kNoEntropy = 39,  // the board's source of randomness fails: it takes no key and opens no sealed session
  kUntrained = 40,  // the head that was asked for holds nothing but zeros, or is not there
  kBudgetSpent =
      41,  // what is left of the board's privacy budget does not pay for the round, or for noise of that kind
  kNoNoise = 42,   // the board has a privacy budget, so it trains with noise alone: NOISE must come first
  kWithheld = 43,  // it has a privacy budget, or tells sums alone, and the answer would tell of its samples
  kNoMasks =
      46,  // the run's deltas leave only masked, and the board has no masks: MASK and PEERS must come first
  kTooFew = 47,  // fewer boards would be left in the sum than `min_sum`, or than make its noise whole
  kMasksUsed =
      48,  // the round's masks have hidden a delta, or were told for other survivors: the round is over
  kNoRadio = 51,  // the board has no radio by which phones could read what it says, or keeps it off
  kInexact = 52,  // the board's float arithmetic is not that of section 7: it failed the self-test
};

// The state of a board in its round.
enum class State : uint8_t {
  kIdle = 0,       // idle
  kReceiving = 1,  // receiving
  kTraining = 2,   // training
  kReady = 3,      // ready
};

// The make of a board.
enum class Model : uint8_t {
  kUnknown = 0,            // unknown
  kNano33Ble = 1,          // Nano 33 BLE
  kFeather = 2,            // Feather nRF52840
  kFeatherSense = 3,       // Feather nRF52840 Sense
  kItsyBitsy = 4,          // ItsyBitsy nRF52840
  kCircuitPlayground = 5,  // Circuit Playground Bluefruit
};

// The sensor of a board.
enum class SensorChip : uint8_t {
  kNone = 0,        // none
  kLsm9ds1 = 1,     // LSM9DS1
  kBmi270 = 2,      // BMI270
  kLsm6ds33 = 3,    // LSM6DS33
  kLsm6ds3trc = 4,  // LSM6DS3TR-C
  kLis3dh = 5,      // LIS3DH
  kReplay = 6,      // replayed data
  kMicrophone = 7,  // PDM microphone
};

// The cause of a board's last start.
enum class ResetCause : uint8_t {
  kPower = 0,     // power
  kWatchdog = 1,  // watchdog
  kSoftware = 2,  // software
  kPin = 3,       // reset button
  kOther = 4,     // other
};

// The tasks of a NEXT or a BEGIN, in the low bits of its kind.
struct RoundFlag {
  static constexpr uint8_t kTrain = 1, kStatistics = 2, kUncounted = 4, kConfigure = 8;
};

// Opens a session.
struct Hello {
  static constexpr Kind kKind = Kind::kHello;
  static constexpr size_t kSize = 9;
  // Lowest protocol version that the host speaks.
  uint8_t version_min;
  // Highest protocol version that the host speaks.
  uint8_t version_max;
  // The run's number; 0 for a visit.
  uint32_t run;
  // Comes back in WELCOME; the host drops everything that arrives before.
  uint16_t nonce;
  // Largest frame that the host takes on this link, header included.
  uint8_t frame_limit;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.version_min);
    io(message.version_max);
    io(message.run);
    io(message.nonce);
    io(message.frame_limit);
  }
};

// Answers HELLO.
struct Welcome {
  static constexpr Kind kKind = Kind::kWelcome;
  static constexpr size_t kSize = 10;
  // The version to speak: the highest that both know.
  uint8_t version;
  // 0 idle, 1 receiving, 2 training, 3 ready.
  State state;
  // A new value at each start of the board: when it has changed, a partial transfer is void.
  uint16_t boot;
  // The last round begun in the run of the HELLO, at a visit in the board's own; 0 for none.
  uint16_t round;
  // The nonce of the HELLO.
  uint16_t nonce;
  // F: the smaller of the host's and the board's.
  uint8_t frame_limit;
  // W: chunks that the board takes in one burst, 1 to 32.
  uint8_t window;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.version);
    io(message.state);
    io(message.boot);
    io(message.round);
    io(message.nonce);
    io(message.frame_limit);
    io(message.window);
  }
};

// Opens a sealed session; the fields are the payload of the handshake's first message, which is the body.
struct Greet {
  static constexpr Kind kKind = Kind::kGreet;
  static constexpr size_t kSize = 7;
  // As in HELLO.
  uint8_t version_min;
  // As in HELLO.
  uint8_t version_max;
  // As in HELLO.
  uint32_t run;
  // As in HELLO.
  uint8_t frame_limit;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.version_min);
    io(message.version_max);
    io(message.run);
    io(message.frame_limit);
  }
};

// Answers GREET; the fields are the payload of the handshake's second message, which is the body.
struct Welcomed {
  static constexpr Kind kKind = Kind::kWelcomed;
  static constexpr size_t kSize = 8;
  // As in WELCOME.
  uint8_t version;
  // As in WELCOME.
  State state;
  // As in WELCOME.
  uint16_t boot;
  // As in WELCOME.
  uint16_t round;
  // As in WELCOME.
  uint8_t frame_limit;
  // As in WELCOME.
  uint8_t window;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.version);
    io(message.state);
    io(message.boot);
    io(message.round);
    io(message.frame_limit);
    io(message.window);
  }
};

// Answers INFO.
struct Board {
  static constexpr Kind kKind = Kind::kBoard;
  static constexpr size_t kSize = 17;
  static constexpr uint16_t kExtractor = 1, kSensor = 2, kPersistent = 4, kOpen = 8, kLabelled = 16,
                            kSensed = 32, kNoised = 64, kMasked = 128, kShown = 256, kInexact = 512,
                            kHears = 1024;  // capabilities
  // The board's identity, from its chip (nRF52840: FICR DEVICEID); it is the same at every port and
  // address.
  uint64_t uid;
  // Bit 0: feature extractor; bit 1: sensor; bit 2: keeps its state over power loss; bit 3: built to use
  // its radio without a key; bit 4: somebody has set its labels; bit 5: its samples came from its sensor,
  // or some of them; bit 6: it keeps a privacy budget for its samples, and trains with noise alone; bit
  // 7: it has masks for the run that it knows, so that no one delta of it can be read; bit 8: a host has
  // opened it to phones: everybody near can read what it classifies, now; bit 9: it failed the self-test
  // of section 7.6, and takes no round; bit 10: its sensor is a microphone.
  uint16_t capabilities;
  // D: features of a sample.
  uint16_t features;
  // C: classes.
  uint8_t classes;
  // CRC-32 of the extractor's .tflite file, 0 for none.
  uint32_t model;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.uid);
    io(message.capabilities);
    io(message.features);
    io(message.classes);
    io(message.model);
  }
};

// Gives the training plan, for the whole session; travels inside NEXT or BEGIN where it fits.
struct Config {
  static constexpr Kind kKind = Kind::kConfig;
  static constexpr size_t kSize = 16;
  // Codec of the blob in NEXT, where it is not a whole head.
  uint8_t codec_down;
  // Codec of the delta in bits 0 to 6; bit 7: each RESULT also tells of the board's personal head.
  uint8_t codec_up;
  // Local epochs, 1 to 255.
  uint8_t epochs;
  // Batch size, 1 to the board's max_batch.
  uint8_t batch;
  // Learning rate, finite, not negative.
  float rate;
  // Seed for the shuffling and for the uplink's codec; mixed with round and epoch.
  uint32_t seed;
  // FedProx's factor mu (section 7), finite, not negative, rate * mu at most 0.01; 0 for none.
  float proximal_mu = 0.0f;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.codec_down);
    io(message.codec_up);
    io(message.epochs);
    io(message.batch);
    io(message.rate);
    io(message.seed);
    io(message.proximal_mu);
  }
};

// Starts a round; the blob that leads to its head is inside.
struct Next {
  static constexpr Kind kKind = Kind::kNext;
  static constexpr size_t kSize = 6;
  // 1 to 65,535.
  uint16_t round;
  // CRC-32 of the float32 global head that the board holds once the blob is decoded.
  uint32_t head;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.round);
    io(message.head);
  }
};

// Starts a round; the blob that leads to its head follows in chunks.
struct Begin {
  static constexpr Kind kKind = Kind::kBegin;
  static constexpr size_t kSize = 7;
  // 1 to 65,535.
  uint16_t round;
  // CRC-32 of the float32 global head that the board holds once the blob is decoded.
  uint32_t head;
  // Codec of the blob.
  uint8_t codec;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.round);
    io(message.head);
    io(message.codec);
  }
};

// Answers BEGIN at once, and a POLL while the board is at work.
struct Accept {
  static constexpr Kind kKind = Kind::kAccept;
  static constexpr size_t kSize = 5;
  // 1 receiving: send chunks; 2 training: wait; 3 ready: DONE or RESULT follows.
  State state;
  // First chunk still missing (state 1), else 0.
  uint16_t index;
  // Time until DONE or RESULT, estimated by the board, in units of 10 ms; 65,535 for more; 0 if it is not
  // known yet.
  uint16_t wait;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.state);
    io(message.index);
    io(message.wait);
  }
};

// Answers NEXT or BEGIN once the work is done.
struct Done {
  static constexpr Kind kKind = Kind::kDone;
  static constexpr size_t kSize = 5;
  // 0 or OTHER_SAMPLES, or the error that training ended with (then there is no blob).
  Status status;
  // CRC-32 of the delta blob, 0 for none.
  uint32_t crc;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.status);
    io(message.crc);
  }
};

// Answers in place of DONE where statistics were asked for.
struct Result {
  static constexpr Kind kKind = Kind::kResult;
  static constexpr size_t kSize = 17;
  // As in DONE.
  Status status;
  // CRC-32 of the delta blob, 0 for none.
  uint32_t crc;
  // Training samples used, 0 without training.
  uint16_t num_examples;
  // Mean cross-entropy over the last local epoch, each sample before its step.
  float loss;
  // Samples classified correctly in that epoch; with bit 7 of CONFIG's codec_up the test samples that the
  // trained head classifies correctly.
  uint16_t correct;
  // Test samples that the received head classifies correctly.
  uint16_t test_correct;
  // Time since the blob was complete, in units of 10 ms, at most 65,535.
  uint16_t duration;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.status);
    io(message.crc);
    io(message.num_examples);
    io(message.loss);
    io(message.correct);
    io(message.test_correct);
    io(message.duration);
  }
};

// Opens the transfer of a delta.
struct Get {
  static constexpr Kind kKind = Kind::kGet;
  static constexpr size_t kSize = 3;
  // First chunk wanted.
  uint16_t index;
  // W for this transfer, 1 to 32.
  uint8_t window;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.index);
    io(message.window);
  }
};

// Answers STORE.
struct Stored {
  static constexpr Kind kKind = Kind::kStored;
  static constexpr size_t kSize = 15;
  // Samples that fit into the store.
  uint16_t capacity;
  // Training samples in the store.
  uint16_t train;
  // Test samples in the store.
  uint16_t test;
  // CRC-32 over all records, training samples first, then the scale (f32) and zero point (i8) of their
  // features.
  uint32_t crc;
  // Largest batch size.
  uint8_t max_batch;
  // CRC-32 of the float32 global head that the board holds; P zeros before the first.
  uint32_t head;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.capacity);
    io(message.train);
    io(message.test);
    io(message.crc);
    io(message.max_batch);
    io(message.head);
  }
};

// Appends samples.
struct Add {
  static constexpr Kind kKind = Kind::kAdd;
  static constexpr size_t kSize = 14;
  static constexpr uint8_t kInputs = 1, kTest = 2, kAnew = 4;  // kind
  // Samples that the split has so far (0 with bit 2 of kind), so that no ADD can be stored twice.
  uint16_t first;
  // Records, at least 1.
  uint16_t count;
  // Bit 0: records hold inputs for the board's extractor, not features; bit 1: test split; bit 2: forget
  // all samples first.
  uint8_t kind;
  // CRC-32 of the transfer.
  uint32_t crc;
  // Real value of a feature: scale * (q - zero_point); ignored for inputs.
  float scale;
  // The q that stands for 0; ignored for inputs.
  int8_t zero_point;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.first);
    io(message.count);
    io(message.kind);
    io(message.crc);
    io(message.scale);
    io(message.zero_point);
  }
};

// Answers ADD.
struct Added {
  static constexpr Kind kKind = Kind::kAdded;
  static constexpr size_t kSize = 3;
  // 0: these records are stored already, 1: send chunks.
  uint8_t state;
  // First chunk missing; N while the board's extractor works on them.
  uint16_t index;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.state);
    io(message.index);
  }
};

// Takes samples from the board's own sensor.
struct Capture {
  static constexpr Kind kKind = Kind::kCapture;
  static constexpr size_t kSize = 6;
  static constexpr uint8_t kTest = 2, kOnSound = 4;  // kind
  // Samples that the split has so far.
  uint16_t first;
  // Windows to take; 0 stops the capture under way and keeps the samples taken so far.
  uint16_t count;
  // Label of all samples.
  uint8_t label;
  // Bit 1: test split; bit 2: each window begins where sound starts (section 7.7).
  uint8_t kind;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.first);
    io(message.count);
    io(message.label);
    io(message.kind);
  }
};

// Answers CAPTURE.
struct Captured {
  static constexpr Kind kKind = Kind::kCaptured;
  static constexpr size_t kSize = 3;
  // 1 under way, 0 over.
  uint8_t state;
  // Samples stored so far; fewer than asked for if the capture was stopped, waited for sound in vain, or
  // the extractor failed.
  uint16_t count;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.state);
    io(message.count);
  }
};

// Forgets samples: the last of a split, or those of a label.
struct Discard {
  static constexpr Kind kKind = Kind::kDiscard;
  static constexpr size_t kSize = 4;
  static constexpr uint8_t kLabel = 1, kTest = 2;  // kind
  // Bit 0: all samples of one label, of both splits, instead of the last samples of one split; bit 1:
  // test split.
  uint8_t kind;
  // The label whose samples go, with bit 0 of kind.
  uint8_t label;
  // Samples that the split keeps, the oldest, without bit 0 of kind.
  uint16_t keep;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.kind);
    io(message.label);
    io(message.keep);
  }
};

// Answers DISCARD.
struct Discarded {
  static constexpr Kind kKind = Kind::kDiscarded;
  static constexpr size_t kSize = 4;
  // Training samples that are left.
  uint16_t train;
  // Test samples that are left.
  uint16_t test;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.train);
    io(message.test);
  }
};

// Asks for a label, or sets it and the number of labels.
struct Label {
  static constexpr Kind kKind = Kind::kLabel;
  static constexpr size_t kSize = 2;
  // The label: below count, or below C where count is 0.
  uint8_t index;
  // The number of labels that the head is to have, 2 to the board's most; 0 changes nothing and asks.
  uint8_t count;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.index);
    io(message.count);
  }
};

// Answers LABEL.
struct Labelled {
  static constexpr Kind kKind = Kind::kLabelled;
  static constexpr size_t kSize = 6;
  // C: labels of the head.
  uint8_t count;
  // Labels that the board's memory has room for.
  uint8_t most;
  // Training samples of this label.
  uint16_t train;
  // Test samples of this label.
  uint16_t test;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.count);
    io(message.most);
    io(message.train);
    io(message.test);
  }
};

// Asks what the sensor's next window is.
struct Classify {
  static constexpr Kind kKind = Kind::kClassify;
  static constexpr size_t kSize = 4;
  static constexpr uint8_t kPersonal = 1, kAlone = 2, kStop = 4, kShow = 8;  // mode
  // Number of the last window that the host knows; 0 for none.
  uint16_t after;
  // Bit 0: by the personal head, not by the global one; bit 1: goes on when no host asks any more; bit 2:
  // stop; the answer comes at once; bit 3: open to phones: everybody near can read the label and its
  // confidence (section 1.2: PHONES).
  uint8_t mode;
  // Per cent of the board's own samples that may be taken for none of its labels, 0 to 50.
  uint8_t unknown;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.after);
    io(message.mode);
    io(message.unknown);
  }
};

// Answers CLASSIFY, once there is a later window.
struct Classified {
  static constexpr Kind kKind = Kind::kClassified;
  static constexpr size_t kSize = 6;
  // Number of the window: 1 for the first after its start, after 65,535 comes 1.
  uint16_t window;
  // The label, or 255 for none of them.
  uint8_t label;
  // The label that comes nearest.
  uint8_t likeliest;
  // Its probability by the head, in units of 1/255.
  uint8_t confidence;
  // The confidence below which label is 255.
  uint8_t threshold;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.window);
    io(message.label);
    io(message.likeliest);
    io(message.confidence);
    io(message.threshold);
  }
};

// Asks for a raw window of the sensor, by cable or in a sealed session.
struct Record {
  static constexpr Kind kKind = Kind::kRecord;
  static constexpr size_t kSize = 4;
  // Number of the last window that the host has whole; 0 for none.
  uint16_t after;
  // The first byte wanted of the window.
  uint16_t offset;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.after);
    io(message.offset);
  }
};

// Answers RECORD, once there is a later window.
struct Recorded {
  static constexpr Kind kKind = Kind::kRecorded;
  static constexpr size_t kSize = 6;
  // Number of the window, as in CLASSIFIED.
  uint16_t window;
  // Bytes of a whole window.
  uint16_t total;
  // The first byte's place in it.
  uint16_t offset;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.window);
    io(message.total);
    io(message.offset);
  }
};

// Answers LEVEL.
struct Levelled {
  static constexpr Kind kKind = Kind::kLevelled;
  static constexpr size_t kSize = 4;
  // Largest sample of the last moments, without its sign, 0 to 32,768.
  uint16_t peak;
  // Samples at an end of the range since the level began anew, as it does with each capture; 65,535 for
  // more.
  uint16_t clipped;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.peak);
    io(message.clipped);
  }
};

// Gives the noise that the session's rounds are trained with, or asks for the privacy budget.
struct Noise {
  static constexpr Kind kKind = Kind::kNoise;
  static constexpr size_t kSize = 13;
  // Largest norm of one sample's gradient, 2^-20 to 2^20, or of a board's delta; 0 asks for the budget,
  // and changes nothing.
  float clip;
  // Price of a round, taken from the budget, in units of 2^-28, at least 1: it decides how much noise
  // there is.
  uint32_t cost;
  // 8 to 18: clip is 2^grid steps of the integers that the noise is added to; bit 7: noise for whole
  // boards, 6 to 18 without it (section 11.5).
  uint8_t grid;
  // Budget of a board that has none yet, in the same units; 0 for none.
  uint32_t budget;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.clip);
    io(message.cost);
    io(message.grid);
    io(message.budget);
  }
};

// Answers NOISE.
struct Noised {
  static constexpr Kind kKind = Kind::kNoised;
  static constexpr size_t kSize = 8;
  // The board's privacy budget, in units of 2^-28; 0 for none.
  uint32_t budget;
  // The part of it that has been spent.
  uint32_t spent;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.budget);
    io(message.spent);
  }
};

// Asks for the board's point of a secure sum; from then on the run's deltas leave the board only masked.
struct Mask {
  static constexpr Kind kKind = Kind::kMask;
  static constexpr size_t kSize = 6;
  // Number of the setup: with another one, or with other values, the board begins anew.
  uint8_t setup;
  // Boards in the sum, at least 3.
  uint16_t boards;
  // Training samples of a board whose delta counts once, at least 1.
  uint16_t reference;
  // Boards that a sum must have at least, 3 to 255, and no more than the board and its neighbours.
  uint8_t min_sum;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.setup);
    io(message.boards);
    io(message.reference);
    io(message.min_sum);
  }
};

// Gives the points of a board's neighbours in a secure sum.
struct Peers {
  static constexpr Kind kKind = Kind::kPeers;
  static constexpr size_t kSize = 1;
  // The place of the first of them among the board's neighbours, from 0.
  uint8_t first;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.first);
  }
};

// Asks a board whose delta is in the sum for what its neighbours can't cancel.
struct Unmask {
  static constexpr Kind kKind = Kind::kUnmask;
  static constexpr size_t kSize = 4;
  // The round of the sum.
  uint16_t round;
  // Bit i: the delta of neighbour i is in the sum, too.
  uint16_t survivors;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.round);
    io(message.survivors);
  }
};

// Lets the board forget a delta, where no further round will.
struct Release {
  static constexpr Kind kKind = Kind::kRelease;
  static constexpr size_t kSize = 3;
  // The round of the delta; 0 for round, delta and residual of the whole run.
  uint16_t round;
  // 1 if the delta was counted, else 0.
  uint8_t counted;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.round);
    io(message.counted);
  }
};

// Answers ABOUT.
struct Details {
  static constexpr Kind kKind = Kind::kDetails;
  static constexpr size_t kSize = 18;
  // 0 unknown, 1 Nano 33 BLE, 2 Feather nRF52840, 3 Feather nRF52840 Sense, 4 ItsyBitsy nRF52840, 5
  // Circuit Playground Bluefruit.
  Model board;
  // The firmware's version, major.
  uint8_t version_major;
  // The firmware's version, minor.
  uint8_t version_minor;
  // The firmware's version, patch.
  uint8_t version_patch;
  // Memory that neither heap nor stacks have used so far, in units of 16 bytes; 0 if it is not known.
  uint16_t ram;
  // Pieces of heap memory that the running app has asked for: anything but 0 is a defect; 65,535 for
  // more.
  uint16_t heap;
  // Cause of the last start: 0 power, 1 watchdog, 2 software, 3 reset button, 4 other.
  ResetCause reset;
  // 0 none, 1 LSM9DS1, 2 BMI270, 3 LSM6DS33, 4 LSM6DS3TR-C, 5 LIS3DH, 6 replayed data, 7 PDM microphone.
  SensorChip sensor;
  // Time from one captured window to the next, in units of 10 ms; 0 without a sensor.
  uint16_t window;
  // Seconds since it started.
  uint32_t uptime;
  // Images that were written to flash, modulo 65,536.
  uint16_t saves;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.board);
    io(message.version_major);
    io(message.version_minor);
    io(message.version_patch);
    io(message.ram);
    io(message.heap);
    io(message.reset);
    io(message.sensor);
    io(message.window);
    io(message.uptime);
    io(message.saves);
  }
};

// Gives the board a key, by cable.
struct Pair {
  static constexpr Kind kKind = Kind::kPair;
  static constexpr size_t kSize = 1;
  static constexpr uint8_t kErase = 1;  // flags
  // Bit 0: erase samples, head, residual and delta first.
  uint8_t flags;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.flags);
  }
};

// Answers PAIR.
struct Paired {
  static constexpr Kind kKind = Kind::kPaired;
  static constexpr size_t kSize = 12;
  // As in BOARD.
  uint64_t uid;
  // First 4 bytes of keyed BLAKE2b, digest of 8 bytes, key: the board's, over bytefed key.
  uint32_t check;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.uid);
    io(message.check);
  }
};

// Answers any request that can't be met.
struct Error {
  static constexpr Kind kKind = Kind::kError;
  static constexpr size_t kSize = 1;
  // Why not.
  Status status;

  // Gives every field to `io`, in the order on the wire.
  template <typename IO, typename M>
  static void fields(IO& io, M& message) {
    io(message.status);
  }
};

// Calls X with each message that has a body.
#define BYTEFED_MESSAGES(X) \
  X(Hello)                  \
  X(Welcome)                \
  X(Greet)                  \
  X(Welcomed)               \
  X(Board)                  \
  X(Config)                 \
  X(Next)                   \
  X(Begin)                  \
  X(Accept)                 \
  X(Done)                   \
  X(Result)                 \
  X(Get)                    \
  X(Stored)                 \
  X(Add)                    \
  X(Added)                  \
  X(Capture)                \
  X(Captured)               \
  X(Discard)                \
  X(Discarded)              \
  X(Label)                  \
  X(Labelled)               \
  X(Classify)               \
  X(Classified)             \
  X(Record)                 \
  X(Recorded)               \
  X(Levelled)               \
  X(Noise)                  \
  X(Noised)                 \
  X(Mask)                   \
  X(Peers)                  \
  X(Unmask)                 \
  X(Release)                \
  X(Details)                \
  X(Pair)                   \
  X(Paired)                 \
  X(Error)

}  // namespace bytefed
