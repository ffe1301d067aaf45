// Prints what the core costs on a Cortex-M4F: a name and a number a line. mcu_counts.py makes the tables.
#include <cstring>
#include <initializer_list>

#include "bytefed/codec/codec.h"
#include "bytefed/learning/exact_math.h"
#include "bytefed/learning/trainer.h"
#include "bytefed/privacy/noisy_pass.h"
#include "bytefed/protocol/crc.h"
#include "bytefed/protocol/serial_frame.h"
#include "bytefed/seal/blob_seal.h"
#include "bytefed/seal/handshake.h"
#include "bytefed/secure_sum/masks.h"
#include "bytefed/session/watch.h"
#include "bytefed/sound/ear.h"
#include "console.h"
#include "scripted_round.h"
#include "scripted_watch.h"
#include "sound_tables.h"
#include "stack_gauge.h"
#include "stopwatch.h"

namespace {

using namespace bytefed;

constexpr uint16_t kMostFeatures = 256;
constexpr uint8_t kMostClasses = 64;
constexpr uint16_t kSamples = 32;
constexpr Quantization kQuantization = {0.0118f, -3};
constexpr float kRate = 0.05f;

// Static, so that the stack gauge sees only what the core needs.
float head[(kMostFeatures + 1u) * kMostClasses];
float workspace[kMostClasses];
uint8_t records[kSamples * (1u + kMostFeatures)];

void print_row(const char* name, uint64_t value) {
  print(name);
  print(" ");
  print_decimal(value);
  print("\n");
}

void print_row(const char* name, HeadShape shape, const char* unit, uint64_t value) {
  print(name);
  print("_d");
  print_decimal(shape.features);
  print("_c");
  print_decimal(shape.classes);
  print_row(unit, value);
}

int8_t noise(uint32_t i) {
  return static_cast<int8_t>(crc32(&i, sizeof i));
}

// A store of noise, and a head that has seen it once: its sums have usual values.
SampleStore make_samples(HeadShape shape) {
  SampleStore store(records, kSamples, shape.features);
  store.set_quantization(kQuantization);
  for (uint32_t i = 0; i < kSamples; ++i) {
    int8_t* features = store.next(Split::kTrain);
    for (uint32_t j = 0; j < shape.features; ++j) features[j] = noise(i * shape.features + j);
    store.commit(Split::kTrain, static_cast<uint8_t>(i % shape.classes));
  }
  return store;
}

Trainer make_trainer(HeadShape shape, const SampleStore& store) {
  Trainer trainer;
  trainer.start(shape, head, store, {1, 1, kRate, 1}, 1, workspace);
  return trainer;
}

void train_epoch(HeadShape shape, const SampleStore& store) {
  std::memset(head, 0, sizeof head);
  Trainer trainer = make_trainer(shape, store);
  while (trainer.step()) {
  }
}

void sgd_step(HeadShape shape, const Sample& sample) {
  logits(head, sample.features, kQuantization, shape, workspace);
  softmax_gradient(workspace, shape.classes, sample.label, kRate);
  apply_gradient(head, sample.features, kQuantization, shape, workspace);
}

void sgd_step_plain(HeadShape shape, const Sample& sample) {
  float* bias = head + shape.weights();
  weighted_sums_plain(head, sample.features, kQuantization.zero_point, shape, workspace);
  for (size_t c = 0; c < shape.classes; ++c) {
    workspace[c] = bias[c] + kQuantization.scale * workspace[c];
  }
  softmax_gradient(workspace, shape.classes, sample.label, kRate);
  for (size_t c = 0; c < shape.classes; ++c) {
    bias[c] += workspace[c];
    workspace[c] = workspace[c] * kQuantization.scale;
  }
  rank_one_update_plain(head, sample.features, kQuantization.zero_point, shape, workspace);
}

// One sample's step: the dequantisation of its int8 features is part of it, twice.
void count_step(const Stopwatch& stopwatch, HeadShape shape) {
  const SampleStore store = make_samples(shape);
  train_epoch(shape, store);
  const Sample sample = store.get(Split::kTrain, 5);
  print_row("sgd_step", shape, "_insn", stopwatch.count([&] { sgd_step(shape, sample); }));
  print_row("sgd_step_plain", shape, "_insn", stopwatch.count([&] { sgd_step_plain(shape, sample); }));
}

// The parts of that step, and what the trainer adds to it.
void count_parts(const Stopwatch& stopwatch, HeadShape shape) {
  const SampleStore store = make_samples(shape);
  train_epoch(shape, store);
  const Sample sample = store.get(Split::kTrain, 5);
  const int8_t zero = kQuantization.zero_point;
  print_row("weighted_sums", shape, "_insn",
            stopwatch.count([&] { weighted_sums(head, sample.features, zero, shape, workspace); }));
  logits(head, sample.features, kQuantization, shape, workspace);
  print_row("softmax_gradient", shape, "_insn",
            stopwatch.count([&] { softmax_gradient(workspace, shape.classes, sample.label, kRate); }));
  print_row("rank_one_update", shape, "_insn",
            stopwatch.count([&] { rank_one_update(head, sample.features, zero, shape, workspace); }));
  print_row("evaluation_step", shape, "_insn", stopwatch.count([&] {
    logits(head, sample.features, kQuantization, shape, workspace);
    argmax(workspace, shape.classes);
  }));
  Trainer trainer = make_trainer(shape, store);
  print_row("trainer_epoch_of_32", shape, "_insn", stopwatch.count([&] {
    while (trainer.step()) {
    }
  }));
}

// A round with noise: a sample's clipped gradient, and the noise on one parameter, in the mean of a head's.
void count_noise(const Stopwatch& stopwatch, HeadShape shape) {
  const SampleStore store = make_samples(shape);
  train_epoch(shape, store);
  static float sums[(kMostFeatures + 1u) * 10];
  const uint8_t key[kKeySize] = {1};
  const NoisePlan plan = {{1.0f, 16}, 14602565, false};  // epsilon 4, delta 1e-4, 10 rounds
  static NoisyPass pass;
  pass.start(shape, head, store, plan, sums, workspace, key);
  print_row("noise_sample", shape, "_insn", stopwatch.count([&] { pass.step(); }));
  while (pass.samples_left() > 0) pass.step();
  const uint64_t all = stopwatch.count([&] {
    while (pass.step()) {
    }
  });
  print_row("noise_parameter", shape, "_insn", all / shape.parameters());
}

// A head whose deltas are summed up hidden, and one of its deltas; both have usual values.
constexpr HeadShape kSummed = {32, 10};
float summed[padded(kSummed.parameters())];

void print_mask_row(uint8_t codec, uint16_t boards, const char* name, uint64_t value) {
  print("masks_");
  print_decimal(codec);
  print("_n");
  print_decimal(boards);
  print_row(name, value);
}

// Counts the parts that are new in a round with masks, for a codec: the lanes, and the blob hidden from so
// many boards' neighbours.
void count_hiding(const Stopwatch& stopwatch, Masks& masks, uint8_t codec, uint16_t boards) {
  static uint8_t key[kKeySize] = {1}, blob[sizeof(float) * (kSummed.parameters() + kSumWords)];
  const size_t count = kSummed.parameters();
  const SumLayout layout = sum_layout(static_cast<Codec>(codec), count, boards, kSumWords);
  const SumScale scale = {static_cast<Codec>(codec), boards, 0.01f, 0};
  std::memcpy(summed, head, sizeof(float) * count);
  const uint64_t coded = stopwatch.count([&] { encode_sum(scale, count, summed, blob); });
  const uint64_t hidden = stopwatch.count([&] { masks.hide(1, key, layout, blob); });
  print_mask_row(codec, boards, "_encode_insn", coded);
  print_mask_row(codec, boards, "_hidden_insn", hidden);
  if (!has_shares(codec)) return;
  const NoisePlan plan = {{0.5f, static_cast<uint8_t>(codec == 0 ? 16 : 6)}, 16000000, true};
  std::memcpy(summed, head, sizeof(float) * count);
  print_mask_row(codec, boards, "_share_insn",
                 stopwatch.count([&] { encode_share(scale, plan, count, key, summed); }));
}

// A round with masks beyond one without: setup with one neighbour, the digest, and the blob of each codec.
void count_masks(const Stopwatch& stopwatch, uint16_t boards) {
  static Masks masks;
  static uint8_t secret[kKeySize] = {1}, point[kKeySize];
  x25519_public(secret, point);
  secret[1] = 1;
  const uint64_t begun = stopwatch.count([&] { masks.begin({1, boards, 100, 3}, secret); });
  const uint64_t peer = stopwatch.count([] { masks.take(0, point, 1, 1); });
  const uint64_t opened =
      stopwatch.count([&] { masks.open(1, true, 1.0f, {}, {}, head, kSummed.parameters()); });
  for (uint8_t codec = 0; has_sums(codec); ++codec) count_hiding(stopwatch, masks, codec, boards);
  if (boards != 8) return;
  print_row("masks_begun_insn", begun);
  print_row("masks_peer_insn", peer);
  print_row("masks_opened_insn", opened);
  print_row("masks_object_bytes", sizeof masks);
}

// Both directions of each codec, by its number, for the delta of a head.
void count_codecs(const Stopwatch& stopwatch) {
  constexpr HeadShape shape = {64, 10};
  constexpr size_t kParameters = shape.parameters();
  static float values[padded(kParameters)];
  static uint8_t blob[sizeof(float) * kParameters];
  for (uint8_t codec = 0; known_codec(codec); ++codec) {
    const Codec id = static_cast<Codec>(codec);
    for (uint32_t i = 0; i < kParameters; ++i) values[i] = 0.001f * static_cast<float>(noise(i));
    print("codec_");
    print_decimal(codec);
    print_row("_encode", shape, "_insn", stopwatch.count([&] { encode(id, kParameters, 1, values, blob); }));
    print("codec_");
    print_decimal(codec);
    print_row("_decode", shape, "_insn", stopwatch.count([&] { decode(id, kParameters, 1, blob, values); }));
  }
}

void count_checksums(const Stopwatch& stopwatch) {
  static uint8_t bytes[1000];
  for (uint32_t i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<uint8_t>(noise(i));
  print_row("crc16_1000_bytes_insn", stopwatch.count([] { crc16(bytes, sizeof bytes); }));
  print_row("crc32_1000_bytes_insn", stopwatch.count([] { crc32(bytes, sizeof bytes); }));
}

size_t decode_all(SerialFrameDecoder& decoder, const uint8_t* wire, size_t length) {
  size_t frames = 0;
  for (size_t i = 0; i < length; ++i) frames += decoder.push(wire[i]);
  return frames;
}

// The largest frame, CRC and COBS together. Zeros are the dearest: each opens a block.
void count_framing(const Stopwatch& stopwatch, const char* kind, uint8_t (*byte)(uint32_t)) {
  static uint8_t frame[kMaxFrame], wire[kMaxSerialWire];
  static SerialFrameDecoder decoder;
  for (uint32_t i = 0; i < sizeof frame; ++i) frame[i] = byte(i);
  size_t length = 0;
  const uint32_t encode = stopwatch.count([&] { length = encode_serial_frame(frame, sizeof frame, wire); });
  size_t frames = 0;
  const uint32_t decode = stopwatch.count([&] { frames = decode_all(decoder, wire, length); });
  if (frames != 1 || std::memcmp(decoder.frame(), frame, sizeof frame) != 0) fatal("framing is broken");
  print("framing_encode_");
  print(kind);
  print_row("_250_bytes_insn", encode);
  print("framing_decode_");
  print(kind);
  print_row("_250_bytes_insn", decode);
}

// The board's side of a handshake, its first message being right or from somebody without the key.
void count_handshake(const Stopwatch& stopwatch) {
  static const uint8_t key[kKeySize] = {1}, host_secret[kKeySize] = {2}, secret[kKeySize] = {3},
                       hello[7] = {}, welcome[12] = {};
  static KeyChain chain;
  static SessionKeys keys;
  static uint8_t message[sizeof hello + kHandshakeOverhead], answer[sizeof welcome + kHandshakeOverhead];
  print_row("seal_key_chain_insn", stopwatch.count([] { start_key_chain(key, &chain); }));
  Initiator(chain, host_secret).write(hello, sizeof hello, message);
  bool good = false;
  const auto answer_it = [&] {
    Responder responder(chain);
    good = responder.read(message, sizeof message) &&
           responder.write(secret, welcome, sizeof welcome, answer, &keys);
  };
  const uint32_t whole = stopwatch.count(answer_it);
  if (!good) fatal("the handshake is broken");
  Initiator(chain, host_secret).write(hello, sizeof hello, message);
  print_row("seal_handshake_insn", whole);
  print_row("seal_handshake_stack_bytes", stack_depth(answer_it));
  message[kKeySize] ^= 1;
  print_row("seal_refused_insn", stopwatch.count(answer_it));
  if (good) fatal("a stranger is let in");
}

void count_seals(const Stopwatch& stopwatch) {
  static const uint8_t key[kKeySize] = {4};
  static DirectionKeys keys;
  static uint8_t frame[kMaxFrame - kFrameSealSize], sealed[kMaxFrame], blob[2600];
  print_row("seal_direction_keys_insn", stopwatch.count([] { keys.derive(key); }));
  static FrameSealer sealer(keys);
  static FrameOpener opener(keys);
  for (const size_t body : {0u, 64u, 239u}) {
    size_t length = 0;
    const uint32_t seal = stopwatch.count([&] { length = sealer.seal(frame, kHeaderSize + body, sealed); });
    const uint32_t open = stopwatch.count([&] { length = opener.open(sealed, length); });
    if (length != kHeaderSize + body) fatal("seals are broken");
    print("seal_frame_");
    print_decimal(body);
    print_row("_insn", seal);
    print("open_frame_");
    print_decimal(body);
    print_row("_insn", open);
  }
  static BlobSealer blobs(keys);
  print_row("seal_blob_tag_2600_insn", stopwatch.count([] { blobs.begin(blob, sizeof blob); }));
  print_row("seal_blob_chunk_248_insn", stopwatch.count([] { blobs.hide(248, blob, 248); }));
}

void count_round(const Stopwatch& stopwatch) {
  constexpr HeadShape shape = {64, 10};
  static ScriptedRound<shape.features, shape.classes, kSamples> round(stopwatch);
  RoundCost cost;
  const size_t stack = stack_depth([&] { cost = round.run(); });
  print_row("round_downlink", shape, "_insn", cost.downlink);
  print_row("round_training", shape, "_insn", cost.training);
  print_row("round_delta", shape, "_insn", cost.delta);
  print_row("round_uplink", shape, "_insn", cost.uplink);
  print_row("round_total", shape, "_insn", cost.total());
  print_row("session_stack_bytes", stack);
  print_row("session_object_bytes", round.kSessionSize);
}

// A window by itself, and with its question and answer. One sample of the search for a threshold is a window,
// too.
void count_watch(const Stopwatch& stopwatch) {
  constexpr HeadShape shape = {64, 10};
  constexpr uint16_t kInputs = 300;  // 50 readings of six axes
  static int8_t window[window_size(kInputs, shape.features)];
  static ScriptedWatch<shape.features, shape.classes, kInputs> scripted(stopwatch);
  const SampleStore store = make_samples(shape);
  train_epoch(shape, store);
  Memory memory = {};
  memory.shape = shape;
  memory.workspace = workspace;
  memory.window = window;
  Identity identity = {};
  identity.input_size = kInputs;
  identity.features = kQuantization;
  Port port = {};
  port.millis = [](void*) { return uint32_t{0}; };
  port.sense = [](void*, int8_t*) { return true; };
  port.extract = [](void*, const int8_t*, int8_t* features) {
    std::memcpy(features, records + 1, shape.features);
    return true;
  };
  Watch watch(memory, identity, port, store);
  watch.classify({0, 0, 10});
  print_row("watch_search", shape, "_insn", stopwatch.count([&] { watch.step(head, 0); }));
  while (watch.busy()) watch.step(head, 0);
  print_row("watch_window", shape, "_insn", stopwatch.count([&] { watch.step(head, 0); }));
  const WatchCost cost = scripted.run();
  print_row("watch_question", shape, "_insn", cost.question);
  print_row("watch_answer", shape, "_insn", cost.window);
  print_row("watch_shown", shape, "_insn", cost.shown - cost.window);
  print_row("watch_stack_bytes", cost.stack);
  print_row("watch_object_bytes", sizeof(Watch));
  print_row("watch_window_bytes", sizeof window);
}

// A frame of sound: the samples of a step taken, and the features of the frame that they complete.
template <size_t count>
void count_sound(const Stopwatch& stopwatch, const char* rate, SoundFormat format,
                 const int16_t (&tables)[count]) {
  static LogMel front_end;
  static int16_t samples[kMaxSoundFrame];
  static uint16_t features[kMaxSoundBands];
  for (uint32_t i = 0; i < kMaxSoundFrame; ++i) samples[i] = static_cast<int16_t>(64 * noise(i));
  if (!front_end.start(format, tables, count)) fatal("the tables of sound don't fit");
  front_end.take(samples, format.frame - format.step);
  const auto frame = [&] {
    front_end.take(samples, format.step);
    front_end.features(features);
  };
  print("sound_frame_");
  print(rate);
  print_row("_insn", stopwatch.count(frame));
  print("sound_tables_");
  print(rate);
  print_row("_bytes", sizeof tables);
}

// A frame of a microphone of 16,000 samples a second, from the samples to int8 values in the window's ring:
// twice the rate of the model, or the model's.
template <size_t count>
void count_hearing(const Stopwatch& stopwatch, const char* rate, const SoundWindow& window,
                   const int16_t (&tables)[count]) {
  static Ear ear;
  static int8_t ring[49 * kMaxSoundBands];
  static int16_t samples[2 * kMaxSoundFrame];
  const size_t step = window.format.step * (window.halves ? 2u : 1u);
  for (uint32_t i = 0; i < 2 * kMaxSoundFrame; ++i) samples[i] = static_cast<int16_t>(64 * noise(i));
  if (!ear.start(window, tables, count, ring)) fatal("the tables of sound don't fit");
  ear.clear(true);
  for (size_t left = (window.format.frame - window.format.step) * (window.halves ? 2u : 1u); left > 0;) {
    left -= ear.take(samples, left);
  }
  print("hearing_frame_");
  print(rate);
  print_row("_insn", stopwatch.count([&] { ear.take(samples, step); }));
}

void measure_memory() {
  constexpr HeadShape shape = {64, 10};
  const SampleStore store = make_samples(shape);
  Trainer trainer = make_trainer(shape, store);
  print_row("training_step_stack_bytes", stack_depth([&] { trainer.step(); }));
  print_row("noise_object_bytes", sizeof(NoisyPass));
  print_row("training_memory", shape, "_bytes",
            sizeof trainer + sizeof(float) * training_workspace(shape, 1));
}

}  // namespace

int main() {
  machine::disable_interrupts();
  const Stopwatch stopwatch;
  for (const uint16_t features : {32, 64, 128, 256}) {
    for (const uint8_t classes : {2, 4, 10}) count_step(stopwatch, {features, classes});
  }
  for (const uint8_t classes : {3, 7, 11, 26, 64}) count_step(stopwatch, {64, classes});
  count_parts(stopwatch, {64, 10});
  count_parts(stopwatch, {256, 10});
  for (const uint16_t features : {32, 64, 128, 256}) {
    for (const uint8_t classes : {2, 4, 10}) count_noise(stopwatch, {features, classes});
  }
  count_masks(stopwatch, 8);
  count_masks(stopwatch, 64);
  count_codecs(stopwatch);
  count_checksums(stopwatch);
  count_framing(stopwatch, "zeros", [](uint32_t) { return uint8_t{0}; });
  count_framing(stopwatch, "text", [](uint32_t) { return uint8_t{'x'}; });
  count_framing(stopwatch, "noise", [](uint32_t i) { return static_cast<uint8_t>(noise(i)); });
  count_handshake(stopwatch);
  count_seals(stopwatch);
  count_round(stopwatch);
  count_watch(stopwatch);
  count_sound(stopwatch, "8000", {240, 160, 32}, kSoundTables0);
  count_sound(stopwatch, "16000", {480, 320, 40}, kSoundTables1);
  count_hearing(stopwatch, "8000", {{240, 160, 32}, 49, true, 0.05f, -128}, kSoundTables0);
  count_hearing(stopwatch, "16000", {{480, 320, 40}, 49, false, 0.05f, -128}, kSoundTables1);
  print_row("sound_object_bytes", sizeof(LogMel));
  print_row("hearing_object_bytes", sizeof(Ear));
  measure_memory();
  return 0;
}
